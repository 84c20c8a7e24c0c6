"""Shards: which partitions of a plan one of several processes takes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import InputError
from stream.replay.ranges import PartitionRange

__all__ = ["INDEX", "Shard", "parse_shard", "split"]

INDEX = "JOB_COMPLETION_INDEX"
"""Set by Kubernetes in the pods of an Indexed Job: from 0 to completions - 1."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` parts of a plan; ``index`` counts from 0."""

    index: int
    count: int

    def of(self, ranges: Sequence[PartitionRange]) -> tuple[PartitionRange, ...]:
        """Return the shard's ranges; each range is in exactly one of the shards.

        The longest go first, each to the shard with the fewest offsets so far. The result is a
        function of the plan, so processes need no agreement.
        """
        loads = [0] * self.count
        own = []
        for each in sorted(ranges, key=lambda each: (-each.offsets, each.partition)):
            least = min(range(self.count), key=lambda shard: (loads[shard], shard))
            loads[least] += each.offsets
            if least == self.index:
                own.append(each)
        return tuple(sorted(own, key=lambda each: each.partition))

    def __str__(self) -> str:
        return f"{self.index + 1}/{self.count}"


def split(ranges: Sequence[PartitionRange], shards: Iterable[Shard]) -> tuple[PartitionRange, ...]:
    """Return the ranges of a shard of a shard of ... a plan: all of them if none is given."""
    own = tuple(ranges)
    for shard in shards:
        own = shard.of(own)
    return own


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Return the shard that a user means.

    Parameters
    ----------
    text
        ``I/N`` with I from 1 to N; or ``/N``, with I from the environment of a Kubernetes Indexed
        Job, where it counts from 0.
    environment
        Environment variables.

    Raises
    ------
    InputError
        It is neither.
    """
    found = re.fullmatch(r"(\d{0,6})/(\d{1,6})", text.strip())
    index = (found[1] and str(int(found[1]) - 1)) or environment.get(INDEX, "") if found else ""
    if found is None or not index.isdecimal() or not int(index) < int(found[2]):
        raise InputError(
            f"expected a shard as I/N with I from 1 to N, such as 1/4, or /N in a Kubernetes"
            f" Indexed Job ({INDEX} is {environment.get(INDEX, 'not set')}), not {text!r}"
        )
    return Shard(int(index), int(found[2]))
