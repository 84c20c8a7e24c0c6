"""A snapshot every so often, each in a process of its own: none can harm the next, or anything."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from stream.child_process import end_child, start_child
from stream.snapshot_summary import SnapshotSummary

__all__ = ["SNAPSHOT", "take_snapshots"]

log = logging.getLogger(__name__)

SNAPSHOT = (sys.executable, "-m", "stream", "snapshot", "--json")


async def take_snapshots(
    command: Sequence[str],
    *,
    every: float,
    stop: asyncio.Event,
    on_success: Callable[[SnapshotSummary], None],
    on_failure: Callable[[], None],
) -> None:
    """Run a command that takes one snapshot, at once and then each period, until told to stop.

    Parameters
    ----------
    command
        The program and its arguments; it prints a summary as JSON.
    every
        The period in seconds, from start to start. A run that lasts longer is ended, and has
        failed.
    stop
        Ends the schedule, and a run in hand.
    on_success, on_failure
        Told of each run.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not stop.is_set():
        due += every
        summary = await _run(command, due, stop)
        if stop.is_set():
            return
        if summary is None:
            on_failure()
        else:
            on_success(summary)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await stop.wait()


async def _run(command: Sequence[str], due: float, stop: asyncio.Event) -> SnapshotSummary | None:
    """Run a snapshot to its end, or to the time when the next is due, or until told to stop."""
    child = start_child(command, stdout=subprocess.PIPE)
    ended = asyncio.create_task(asyncio.to_thread(_output, child))
    stopped = asyncio.create_task(stop.wait())
    try:
        async with asyncio.timeout_at(due):
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        log.error("a snapshot took longer than its period and was ended: raise --every")
    finally:
        child.kill()  # with it the pipe ends, and so does the thread that reads it
        output = await ended
        stopped.cancel()
        end_child(child)
    if stop.is_set() or child.returncode:
        if not stop.is_set():
            log.error("a snapshot failed with code %s: its words are above", child.returncode)
        return None
    return _summary(output)


def _output(child: subprocess.Popen[Any]) -> bytes:
    assert child.stdout is not None
    output: bytes = child.stdout.read()
    child.wait()
    return output


def _summary(output: bytes) -> SnapshotSummary | None:
    try:
        return SnapshotSummary.model_validate_json(output)
    except ValidationError:
        log.error("a snapshot ended well but did not say what it comes to")
        return None
