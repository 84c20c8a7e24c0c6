"""How far the worker is behind, from the batch source's progress: no request to the broker."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import TopicPartition

from schemas.record_time import age_ms
from stream.consume.batch_source import BatchSource
from stream.consume.partition_progress import PartitionProgress

__all__ = ["Lag", "lag_of"]


@dataclass(frozen=True, slots=True)
class Lag:
    """How far one partition is behind.

    Attributes
    ----------
    messages
        Records in the log that are not done, as of the last fetch. Offsets that hold no record
        (aborted transactions, compacted ones) count until the source has passed them.
    seconds
        Age of the oldest record that was handed over and is not done; where there are records but
        none was handed over, how long that has been so. 0 when nothing is behind, and while the
        time stamp of that record is implausible (``schemas.record_time``).
    done_offset
        Offset below which all records are done.
    """

    messages: int
    seconds: float
    done_offset: int


def lag_of(source: BatchSource, *, wall_time: float, loop_time: float) -> dict[TopicPartition, Lag]:
    """Return the lag of each assigned partition that was fetched from.

    Parameters
    ----------
    source
        The source, started.
    wall_time
        Seconds since 1970: what record time stamps are compared with.
    loop_time
        The event loop's time, in seconds.
    """
    lags = {}
    for partition, progress in source.assignment.items():
        progress.settle()
        end = source.end_offset(partition)
        if end is not None and progress.done_offset is not None:
            messages = max(0, end - progress.done_offset)
            seconds = _seconds(progress, wall_time, loop_time) if messages else 0.0
            lags[partition] = Lag(messages, seconds, progress.done_offset)
    return lags


def _seconds(progress: PartitionProgress, wall_time: float, loop_time: float) -> float:
    timestamp = progress.oldest_timestamp
    if timestamp is not None:
        return (age_ms(timestamp, wall_time * 1000) or 0.0) / 1000
    return 0.0 if progress.behind_since is None else loop_time - progress.behind_since
