"""The lag exporter: exposes lags as metrics, and stays up when the broker does not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import aclosing

from monitoring.telemetry.lag_gauges import GroupLagGauges, GroupPartition
from stream.lag.figures import GroupLag, LagState
from stream.lag.rounds import Connect, rounds

__all__ = ["as_gauges", "export"]

log = logging.getLogger(__name__)

KNOWN = (LagState.CAUGHT_UP, LagState.BEHIND)


async def export(connect: Connect, gauges: GroupLagGauges, interval: float) -> None:
    """Set the gauges at an interval, without end; cancel it to end.

    After a failure the gauges keep their values, and the gauge of their age grows.

    Parameters
    ----------
    connect
        Opens a connection and yields what reads the lags.
    gauges
        Exposes them.
    interval
        Seconds from one reading to the next.
    """
    async with aclosing(rounds(connect, interval)) as read:
        async for found in read:
            if found.failure is None:
                gauges.succeeded(as_gauges(found.lags))
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
