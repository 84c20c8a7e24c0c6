"""Reads the verdict on a shadow in a child process: it may read millions of scores."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from agents.retraining.approval import ShadowVerdict
from schemas.errors import FatalError
from stream.process.child_process import end_child, start_child

__all__ = ["COMMAND", "Judge", "Question", "judge_in_child"]

COMMAND = (sys.executable, "-P", "-m", "stream", "models", "verdict")


class Question(NamedTuple):
    """Versions of a model to compare, by their scores since a time."""

    model: str
    production: str
    candidate: str
    since: datetime


Judge = Callable[[Question], Awaitable[ShadowVerdict]]


async def judge_in_child(question: Question, command: Sequence[str] = COMMAND) -> ShadowVerdict:
    """Run `leadscore models verdict` to its end, which comes with this task.

    Call it from the main thread: on Linux the child is killed with the thread that started it.

    Raises
    ------
    FatalError
        There is no verdict, such as no lead that both have scored.
    """
    model, production, candidate, since = question
    asked = (model, "--live", production, "--candidate", candidate)
    child = start_child(
        (*command, *asked, "--from", since.isoformat(), "--json"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = await asyncio.to_thread(child.communicate)
    finally:
        end_child(child)
    if child.returncode:
        said = err.decode(errors="replace").strip().splitlines()[-1:]
        raise FatalError(
            f"{' '.join(said).removeprefix('Error: ')[:1000] or 'no verdict'} (exit code"
            f" {child.returncode})"
        )
    return ShadowVerdict.of(orjson.loads(out))
