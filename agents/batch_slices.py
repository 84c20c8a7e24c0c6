"""The slices of a result that belong to each of the batches that were processed together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["slices_of"]


def slices_of(positions: Sequence[int], sizes: Sequence[int]) -> list[slice]:
    """Split ascending positions in batches that follow each other, given their sizes."""
    ends = [bisect_left(positions, end) for end in accumulate(sizes)]
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
