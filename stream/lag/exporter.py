"""The lag exporter: exposes lags as metrics, and stays up when the broker does not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import aclosing

from monitoring.telemetry.lag_gauges import GroupLagGauges, GroupPartition
from stream.lag.figures import GroupLag, LagState
from stream.lag.rounds import Connect, rounds

__all__ = ["as_gauges", "export"]

log = logging.getLogger(__name__)

NO_PARTITION = (
    "expected the group %s to have a commit, but it has none, so nothing is exposed for it: check"
    " its name, or name a topic with --topic"
)
KNOWN = (LagState.CAUGHT_UP, LagState.BEHIND)


async def export(
    connect: Connect, gauges: GroupLagGauges, interval: float, groups: Collection[str] = ()
) -> None:
    """Set the gauges at an interval, without end; cancel it to end.

    After a failure the gauges keep their values, and the gauge of their age grows. A group without
    a partition has no series: the log says so when it begins.

    Parameters
    ----------
    connect
        Opens a connection and yields what reads the lags.
    gauges
        Exposes them.
    interval
        Seconds from one reading to the next.
    groups
        Groups that are to be exposed.
    """
    missing: set[str] = set()
    async with aclosing(rounds(connect, interval)) as read:
        async for found in read:
            if found.failure is None:
                gauges.succeeded(as_gauges(found.lags))
                before, missing = missing, set(groups) - {lag.group for lag in found.lags}
                for group in sorted(missing - before):
                    log.warning(NO_PARTITION, group)
            else:
                gauges.failed()
                log.warning("lags can't be read, the last ones stay exposed: %s", found.failure)


def as_gauges(lags: Sequence[GroupLag]) -> list[GroupPartition]:
    """Return lags as values of gauges."""
    return [
        GroupPartition(
            lag.group,
            lag.topic,
            lag.partition,
            records=lag.messages,
            seconds=lag.seconds,
            eta_seconds=lag.eta,
            expired=lag.expired,
            is_known=lag.state in KNOWN or _has_nothing_to_read(lag),
        )
        for lag in lags
    ]


def _has_nothing_to_read(lag: GroupLag) -> bool:
    """Return whether a partition lacks a commit only because it has no record yet."""
    return lag.state is LagState.NO_COMMIT and lag.log_start == lag.end
