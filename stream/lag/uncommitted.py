"""Offsets that a group has not committed: a cheap lag, without a look at the records.

Gaps of compaction and markers of transactions count: for messages see ``stream.lag.figures``.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition

__all__ = ["uncommitted_offsets"]


def uncommitted_offsets(
    ends: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, int]
) -> int | None:
    """Return the number of offsets that a group has not committed.

    Parameters
    ----------
    ends
        Ends of the logs.
    committed
        The group's offsets, of the partitions where it has one; the others are not read yet.

    Returns
    -------
    int or None
        None where the group has no commit at all.
    """
    if not committed:
        return None
    return sum(max(0, ends[at] - offset) for at, offset in committed.items() if at in ends)
