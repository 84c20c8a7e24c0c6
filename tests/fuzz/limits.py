"""Limits of one input: time, and memory of the process."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.target import Feed

__all__ = ["MAX_SECONDS", "TooSlowError", "bound_memory", "timed"]

MAX_SECONDS = 1.0
"""Seconds of CPU time, which does not depend on other load."""
PAGE = resource.getpagesize()


class TooSlowError(AssertionError):
    """An input took longer than ``MAX_SECONDS``."""


@contextmanager
def bound_memory(megabytes: int) -> Iterator[None]:
    """Limit the growth of this process: a larger allocation raises MemoryError.

    Only on Linux, which tells how large a process is.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * PAGE + megabytes * 2**20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def timed(feed: Feed) -> Feed:
    """Make a slow input a fault."""

    def timed_feed(value: bytes) -> None:
        started = time.process_time()
        feed(value)
        took = time.process_time() - started
        if took > MAX_SECONDS:
            raise TooSlowError(f"expected at most {MAX_SECONDS} s for an input, took {took:.1f} s")

    return timed_feed
