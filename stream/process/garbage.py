"""Garbage collection of a process that handles batches of thousands of objects."""

from __future__ import annotations

import gc

__all__ = ["collect_seldom"]

THRESHOLD = 100_000
"""Allocations less deallocations between two collections; Python's default is 700."""


def collect_seldom() -> None:
    """Collect garbage seldom, and never look at the objects that exist now.

    A batch makes thousands of objects, none of them in cycles. With Python's default each batch
    starts several collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD)
