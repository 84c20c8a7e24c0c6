"""A worker on a machine whose clock is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_PROGRAM = """
import runpy, sys, time
real = time.time
time.time = lambda: real() + {seconds}
sys.argv = ["leadscore", "worker"]
runpy.run_module("stream", run_name="__main__")
"""


def worker_with_clock(seconds: int) -> Sequence[str]:
    """Return the command of a worker whose clock is ahead by some seconds, or behind."""
    return (sys.executable, "-c", _PROGRAM.format(seconds=seconds))
