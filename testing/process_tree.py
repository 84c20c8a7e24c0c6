"""CPU time and memory of a process and its descendants, from Linux's /proc."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = [
    "cpu_seconds",
    "ended_children_seconds",
    "memory_mb",
    "peak_memory_mb",
    "pin",
    "process_tree",
]

CPU_CLOCK = 2
"""Kernel's number of the clock for a process's CPU time, including ended threads."""


def process_tree(pid: int) -> Iterator[int]:
    """Yield the ids of a process and its living descendants."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # a thread or a process that has just ended
            for child in children.read_text().split():
                yield from process_tree(int(child))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, its threads and its descendants, user and system."""
    seconds = 0.0
    for member in process_tree(pid):
        with suppress(OSError):
            # As clock_getcpuclockid(3) derives it: /proc has a resolution of 10 ms only.
            seconds += time.clock_gettime((~member << 3) | CPU_CLOCK)
    return seconds


def ended_children_seconds(pid: int) -> float:
    """Return the CPU time of the children of a process that have ended, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")


def peak_memory_mb(pid: int) -> float:
    """Return the peak resident memory of a process and its descendants, in MB (2^20 bytes)."""
    return _memory_mb(pid, "VmHWM")


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and its descendants now, in MB (2^20 bytes)."""
    return _memory_mb(pid, "VmRSS")


def pin(pid: int, cores: set[int]) -> None:
    """Pin a process with all its threads to cores."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


def _memory_mb(pid: int, field: str) -> float:
    kilobytes = 0
    for member in process_tree(pid):
        with suppress(OSError):
            found = re.search(rf"{field}:\s+(\d+)", Path(f"/proc/{member}/status").read_text())
            kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024
