"""The lag of a group on one partition, from offsets and the first visible record. Pure.

Offsets alone overstate lag: a log may have lost records to retention, and control records, aborted
transactions and compaction leave offsets that nobody reads. So messages are counted from
max(committed, log start), and seconds are the age of the first record that a consumer would get.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from schemas.record_time import age_ms
from stream.lag.catch_up import NEVER, Rates, eta_seconds

__all__ = ["Backlog", "GroupLag", "LagState", "Offsets", "lag_from"]


class LagState(StrEnum):
    """State of a group on one partition."""

    CAUGHT_UP = "caught_up"
    """No visible record is left."""
    BEHIND = "behind"
    """There are visible records that the group has not committed."""
    NO_COMMIT = "no_commit"
    """The group has no commit, so its lag is unknown."""
    BEYOND_END = "beyond_end"
    """The commit is beyond the log's end, as after the topic was created again: the group's
    ``auto.offset.reset`` decides what it reads, so its lag is unknown."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """Offsets of a group on one partition.

    Attributes
    ----------
    committed
        Committed offset; None if there is no commit.
    log_start
        First offset that is still in the log.
    end
        Offset after the last readable record: the last stable offset for ``read_committed``, else
        the high watermark.
    """

    committed: int | None
    log_start: int
    end: int

    @property
    def position(self) -> int | None:
        """Offset that the group reads next; None if unknown."""
        if self.committed is None or self.committed > self.end:
            return None
        return max(self.committed, self.log_start)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Visible records from a position on, as a bounded fetch found them.

    Attributes
    ----------
    messages
        Number of them; an upper bound unless ``is_exact``.
    is_exact
        Whether the fetch reached the end of the log.
    oldest_ms
        Timestamp of the first one, milliseconds since 1970; None if none was found.
    """

    messages: int
    is_exact: bool
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class GroupLag:
    """Lag of a group on one partition.

    Attributes
    ----------
    committed, log_start, end
        See `Offsets`.
    expired
        Offsets between the commit and the log's start: records that were removed unread.
    messages
        Visible records that are not committed; None if unknown.
    is_exact
        Whether they were counted; else ``messages`` is an upper bound.
    seconds
        Age of the oldest of them; 0 if there is none, None if unknown.
    rates
        Rates of the partition; None if unknown.
    eta
        Seconds until the group has caught up, or ``NEVER``; None if unknown.
    """

    group: str
    topic: str
    partition: int
    state: LagState
    committed: int | None
    log_start: int
    end: int
    expired: int
    messages: int | None
    is_exact: bool
    seconds: float | None
    rates: Rates | None = None
    eta: float | None = None

    @property
    def position(self) -> int | None:
        """Offset that the group reads next; None if unknown."""
        return Offsets(self.committed, self.log_start, self.end).position

    def with_rates(self, rates: Rates | None) -> GroupLag:
        """Return it with the rates, and with the estimate that follows from them."""
        return replace(self, rates=rates, eta=eta_seconds(self.messages, rates))

    def as_record(self, at: float) -> dict[str, Any]:
        """Return one line of JSON; what is unknown is null.

        Parameters
        ----------
        at
            Time of the figures, in seconds since 1970.
        """
        rates, eta = self.rates, self.eta
        words = {None: "unknown", 0.0: "caught_up", NEVER: "never"}
        return {
            "at": round(at, 3),
            "group": self.group,
            "topic": self.topic,
            "partition": self.partition,
            "state": str(self.state),
            "committed": self.committed,
            "log_start": self.log_start,
            "end": self.end,
            "expired": self.expired,
            "messages": self.messages,
            "is_exact": self.is_exact,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "consumed_per_second": None if rates is None else round(rates.consumed, 3),
            "produced_per_second": None if rates is None else round(rates.produced, 3),
            "eta": words.get(eta, "estimated"),
            "eta_seconds": None if eta in (None, NEVER) else round(eta or 0.0, 3),
        }


def lag_from(
    where: tuple[str, str, int], offsets: Offsets, backlog: Backlog | None, now: float
) -> GroupLag:
    """Compute the lag of a group on one partition.

    Parameters
    ----------
    where
        Group, topic and partition.
    offsets
        The group's commit and the bounds of the log.
    backlog
        Visible records from the group's position on; None where no position is known, or it is at
        the log's end.
    now
        Seconds since 1970, by the broker's clock if it is known.
    """
    group, topic, partition = where
    state, messages, seconds = _state(offsets, backlog), None, None
    if state is LagState.CAUGHT_UP:
        messages, seconds = 0, 0.0
    elif state is LagState.BEHIND:
        assert backlog is not None
        messages = backlog.messages
        if backlog.oldest_ms is not None:
            age = age_ms(backlog.oldest_ms, now * 1000)  # None: the timestamp is implausible
            seconds = None if age is None else age / 1000
    lost = 0 if offsets.committed is None else max(0, offsets.log_start - offsets.committed)
    return GroupLag(
        group,
        topic,
        partition,
        state,
        offsets.committed,
        offsets.log_start,
        offsets.end,
        expired=lost,
        messages=messages,
        is_exact=messages is not None and (backlog is None or backlog.is_exact),
        seconds=seconds,
        eta=eta_seconds(messages, None),
    )


def _state(offsets: Offsets, backlog: Backlog | None) -> LagState:
    if offsets.committed is None:
        return LagState.NO_COMMIT
    if offsets.position is None:
        return LagState.BEYOND_END
    if backlog is None or not backlog.messages:
        return LagState.CAUGHT_UP
    return LagState.BEHIND
