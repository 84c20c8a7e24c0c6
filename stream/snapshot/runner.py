"""Run a snapshot in a child process, with limits of memory and time."""

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
"""Program of the child process: writes one snapshot and prints its summary as JSON."""
FRUGAL = {"DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Disables Evidently's usage statistics and further threads, which would compete with workers."""
LOOK = 0.1
"""Seconds between two checks of the process."""
EXIT_FAILED, EXIT_STOPPED = 1, 130


@dataclass(frozen=True, slots=True)
class Ended:
    """Result of a snapshot's process.

    Attributes
    ----------
    code
        Exit code for the shell.
    summary
        Summary of the snapshot; None if it failed.
    reason
        Why it was killed or terminated by a signal; None if it has reported its error itself.
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

    Its memory is polled from here and not limited by the kernel: some libraries hang or exit
    without a message when an allocation fails.

    Parameters
    ----------
    order
        The request, as JSON.
    memory_limit
        Most bytes of private memory; checked on systems that have ``/proc``.
    stop
        Event that ends it.
    time_limit
        Most seconds that it may take.
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
    """Return the result with the reason to kill the process; None once it has ended."""
    now = asyncio.get_running_loop().time
    started = now()
    while child.poll() is None:
        if stop.is_set():
            return Ended(EXIT_STOPPED)
        if _memory(child.pid) > memory_limit:
            return Ended(
                EXIT_FAILED,
                reason=f"expected a snapshot to fit into {memory_limit / 2**20:,.0f} MiB, but it"
                " takes more: set a smaller --sample, or raise --memory-limit",
            )
        if time_limit is not None and now() - started > time_limit:
            return Ended(
                EXIT_FAILED,
                reason=f"expected a snapshot to finish within its period of {time_limit:g} s, but"
                " it did not: set a shorter range with --since, or raise --every",
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await stop.wait()
    return None


def _memory(pid: int) -> int:
    """Return the private memory of a process in bytes, 0 if unknown."""
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
            reason=f"expected a snapshot to finish, but signal {-code} killed it: check the"
            " system log",
        )
    if code:
        return Ended(code)
    output.seek(0)
    return Ended(0, SnapshotSummary.model_validate_json(output.read()))
