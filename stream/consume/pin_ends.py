"""Polls divided where the pin of a partition ends, as a batch is scored by one model.

Below ``ModelPin.until`` an earlier owner may have scored records already, by the model of the pin;
from there on the current model scores (docs/adr/0016).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from aiokafka import TopicPartition

from schemas.errors import InvalidEventError
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import Record
from stream.fetch.bounded_polls import SizedRecords, bytes_of

__all__ = ["Fetched", "divided_at_pins"]


class Fetched(NamedTuple):
    """Records that are handed over together.

    Attributes
    ----------
    records
        By partition.
    verdicts
        By position: why a record is no lead. Empty if there are several partitions.
    """

    records: Mapping[TopicPartition, Sequence[Record]]
    verdicts: Mapping[int, InvalidEventError]


def divided_at_pins(fetched: Fetched, assignment: Assignment) -> Sequence[Fetched]:
    """Return what was fetched; in two parts, one after the other, if it crosses the end of a pin.

    Two parts rather than two batches of one poll, as the model changes between them.
    """
    first, rest = dict(fetched.records), {}
    first_verdicts, rest_verdicts = fetched.verdicts, {}
    for partition, records in fetched.records.items():
        if at := _end_of_pin(partition, records, assignment):
            first[partition] = _share_of(records, slice(at))
            rest[partition] = _share_of(records, slice(at, None))
            verdicts = fetched.verdicts.items()
            first_verdicts = {place: error for place, error in verdicts if place < at}
            rest_verdicts = {place - at: error for place, error in verdicts if place >= at}
    if not rest:
        return (fetched,)
    return Fetched(first, first_verdicts), Fetched(rest, rest_verdicts)


def _end_of_pin(
    partition: TopicPartition, records: Sequence[Record], assignment: Assignment
) -> int:
    """Return the position of the first record beyond the pin; 0 if it does not end among them."""
    progress = assignment.get(partition)
    if progress is None or progress.pin is None:
        return 0
    if not records[0].offset < progress.pin.until <= records[-1].offset:
        return 0
    return bisect_left(records, progress.pin.until, key=attrgetter("offset"))


def _share_of(records: Sequence[Record], part: slice) -> SizedRecords:
    """Return some of the records, with their share of the size."""
    share = SizedRecords(records[part])
    share.size = bytes_of(records) * len(share) // len(records)
    return share
