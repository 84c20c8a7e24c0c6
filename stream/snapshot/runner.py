"""A snapshot in a process of its own, watched: it is ended when it takes too much or too long."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from stream.process.child_process import end_child, start_child
from stream.snapshot.summary import SnapshotSummary

__all__ = ["JOB", "Ended", "run_snapshot"]

JOB = (sys.executable, "-m", "stream.snapshot.job")
"""Takes the snapshot that its argument orders, and prints its summary as JSON."""
FRUGAL = {"DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Evidently is not to tell anybody, and no thread is to take a processor from the workers."""
LOOK = 0.1
"""Seconds between two looks at it."""
EXIT_FAILED, EXIT_STOPPED = 1, 130


@dataclass(frozen=True, slots=True)
class Ended:
    """How a snapshot's process ended.

    Attributes
    ----------
    code
        Exit code, as the shell should see it.
    summary
        What the snapshot comes to; None where it failed.
    reason
        Why it was ended, or why it did not end by itself; None where it has said so itself.
    """

    code: int
    summary: SnapshotSummary | None = None
    reason: str | None = None


async def run_snapshot(
    order: str,
    *,
    memory_limit: int,
    stop: asyncio.Event,
    time_limit: float | None = None,
    job: Sequence[str] = JOB,
) -> Ended:
    """Run a snapshot's process to its end.

    Its memory is looked at from here and not limited by the kernel: libraries that find no memory
    where they expect some hang, or end without a word.

    Parameters
    ----------
    order
        What to take, as JSON.
    memory_limit
        Bytes of memory of its own that it may take; looked at where there is a ``/proc``.
    stop
        Ends it.
    time_limit
        Seconds that it may take.
    job
        The program.
    """
    with tempfile.TemporaryFile() as output:
        child = start_child([*job, order], stdout=output, env=FRUGAL | os.environ)
        try:
            ended = await _watch(child, memory_limit, stop, time_limit)
        finally:
            end_child(child)
        return ended or _result(child.returncode, output)


async def _watch(
    child: subprocess.Popen[Any], memory_limit: int, stop: asyncio.Event, time_limit: float | None
) -> Ended | None:
    """Return why it is to be ended; None when it has ended."""
    now = asyncio.get_running_loop().time
    started = now()
    while child.poll() is None:
        if stop.is_set():
            return Ended(EXIT_STOPPED)
        if _memory(child.pid) > memory_limit:
            return Ended(
                EXIT_FAILED,
                reason=f"expected a snapshot to fit into {memory_limit / 2**20:,.0f} MiB, it does"
                " not: take a smaller --sample, or raise --memory-limit",
            )
        if time_limit is not None and now() - started > time_limit:
            return Ended(
                EXIT_FAILED,
                reason=f"expected a snapshot to be done within its period of {time_limit:g} s, it"
                " is not: take a shorter range with --since, or raise --every",
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await stop.wait()
    return None


def _memory(pid: int) -> int:
    """Return the bytes that a process has written to and holds, 0 where that is not known."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended, or this is no Linux
        return 0
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return sum(map(int, sizes)) * 1024


def _result(code: int, output: IO[bytes]) -> Ended:
    if code < 0:
        return Ended(
            128 - code,
            reason=f"expected a snapshot to end by itself, but signal {-code} ended it: see what"
            " the system's log says of it",
        )
    if code:
        return Ended(code)
    output.seek(0)
    return Ended(0, SnapshotSummary.model_validate_json(output.read()))
