"""Recognise a source that makes no progress though it has work: a restart may help."""

from __future__ import annotations

from schemas.errors import FatalError
from stream.consume.batch_source import BatchSource

__all__ = ["stall_of"]


def stall_of(source: BatchSource, limit: float, *, is_broker_reached: bool) -> FatalError | None:
    """Return the error with which a worker should end for a stall; None if all is well.

    Parameters
    ----------
    source
        The source, started.
    limit
        Most seconds without progress.
    is_broker_reached
        Whether Kafka answers at all.
    """
    overdue = source.commit_overdue_for
    if overdue > limit and is_broker_reached:
        # Seen after a broker's restart: the client looks for its coordinator forever.
        return FatalError(
            f"Kafka answers, but has accepted no commit for {overdue:.0f} s: the worker "
            "exits so that its supervisor restarts it; records after the last commit are "
            "read again."
        )
    stalled = source.stalled_for
    if stalled > limit:
        return FatalError(
            f"{source.topic} has unread records, but the consumer has received none "
            f"for {stalled:.0f} s: the worker exits so that its supervisor restarts it."
        )
    return None
