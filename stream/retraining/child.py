"""Runs a plan in a child process: training takes minutes of CPU, and may take too much memory."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from schemas.errors import FatalError
from stream.process.child_process import end_child, start_child
from stream.retraining.plan import RetrainAccount, RetrainPlan

__all__ = ["JOB", "run_in_child"]

JOB = (sys.executable, "-P", "-m", "stream.retraining.job")


async def run_in_child(
    plan: RetrainPlan, on_step: Callable[[str], None], job: Sequence[str] = JOB
) -> RetrainAccount:
    """Execute a plan in a child process, which ends with this task.

    Call it from the main thread: on Linux the child is killed with the thread that started it.

    Parameters
    ----------
    plan
        The plan.
    on_step
        Called with the name of each step when it begins.
    job
        The child's program.

    Raises
    ------
    FatalError
        It failed or was killed; the plan can be executed again.
    """
    child = start_child(job, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        return await _answer(child, plan.model_dump_json().encode(), on_step)
    finally:
        end_child(child)


async def _answer(
    child: subprocess.Popen[bytes], given: bytes, on_step: Callable[[str], None]
) -> RetrainAccount:
    assert child.stdin is not None
    assert child.stdout is not None
    await asyncio.to_thread(_write, child.stdin, given)
    said: dict[str, Any] = {}
    while line := await asyncio.to_thread(child.stdout.readline):
        said = json.loads(line)
        if "step" in said:
            on_step(said["step"])
    if "account" in said:
        return RetrainAccount.model_validate(said["account"])
    if "error" in said:
        raise FatalError(said["error"])
    code = await asyncio.to_thread(child.wait)
    raise FatalError(
        f"expected the account of the retraining, but its process ended with code {code}: see its"
        " log; a negative code is the signal that killed it, such as -9 for too much memory"
    )


def _write(pipe: Any, given: bytes) -> None:
    try:
        pipe.write(given)
        pipe.close()
    except BrokenPipeError:
        return  # it has died, which the exit code says
