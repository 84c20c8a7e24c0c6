"""Priority of a process that works beside the workers, and must not slow them down."""

from __future__ import annotations

import os

__all__ = ["NICENESS", "give_way"]

NICENESS = 10
"""Nice value: a process with 0 that wants the same core gets nine tenths of it."""


def give_way() -> None:
    """Raise the nice value: others have the CPU first, and on an idle core nothing changes.

    Call it before threads are started: they inherit the value. A process whose nice value is higher
    already keeps it.
    """
    if hasattr(os, "setpriority"):  # not on Windows
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, max(own, NICENESS))
