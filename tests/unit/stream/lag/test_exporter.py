"""The exporter: it outlives the broker, and says how old its figures are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from monitoring.telemetry.lag_gauges import GroupLagGauges
from stream.lag.catch_up import Rates
from stream.lag.exporter import as_gauges, export
from stream.lag.figures import Backlog, GroupLag, Offsets, lag_from
from testing.jumping_time import in_jumping_time

WHERE = {"group": "g", "topic": "t", "partition": "0"}
NOW = 1_790_000_000.0


class Flaky:
    """Lags of a broker that may be unavailable."""

    def __init__(self) -> None:
        self.is_up = True
        self.lags: list[GroupLag] = []
        self.connections = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Flaky]:
        if not self.is_up:
            raise KafkaConnectionError("away")
        self.connections += 1
        yield self

    def now(self) -> float:
        return NOW

    async def read(self) -> list[GroupLag]:
        if not self.is_up:
            raise KafkaConnectionError("away")
        return self.lags


def behind(committed: int | None) -> GroupLag:
    backlog = Backlog(10, True, int((NOW - 5) * 1000))
    return lag_from(("g", "t", 0), Offsets(committed, 0, 100), backlog, NOW)


@in_jumping_time
async def test_the_figures_stay_and_their_age_grows_while_the_broker_is_unavailable() -> None:
    loop = asyncio.get_running_loop()
    registry, flaky = CollectorRegistry(), Flaky()
    gauges = GroupLagGauges(registry, loop.time)
    flaky.lags = [behind(90).with_rates(Rates(3.0, 1.0))]
    exporting = asyncio.ensure_future(export(flaky.connect, gauges, 5.0))
    value = registry.get_sample_value
    await asyncio.sleep(6)
    assert value("leadscore_group_lag_records", WHERE) == 10
    assert value("leadscore_group_lag_seconds", WHERE) == 5
    assert value("leadscore_group_lag_eta_seconds", WHERE) == 5
    assert value("leadscore_group_lag_age_seconds") < 5
    assert value("leadscore_group_lag_failures_total") == 0

    flaky.is_up = False
    await asyncio.sleep(60)
    assert not exporting.done()
    assert value("leadscore_group_lag_records", WHERE) == 10
    assert value("leadscore_group_lag_age_seconds") > 50
    assert value("leadscore_group_lag_failures_total") >= 5

    flaky.is_up, flaky.lags = True, [behind(None)]
    await asyncio.sleep(11)
    assert flaky.connections == 2
    assert value("leadscore_group_lag_age_seconds") < 6
    assert value("leadscore_group_lag_records", WHERE) is None, "unknown without a commit"
    assert value("leadscore_group_lag_seconds", WHERE) is None
    assert value("leadscore_group_lag_unknown_partitions", {"group": "g", "topic": "t"}) == 1
    exporting.cancel()
    with suppress(asyncio.CancelledError):
        await exporting


@pytest.mark.parametrize(
    ("offsets", "is_known"),
    [
        (Offsets(None, 0, 0), True),  # a new topic
        (Offsets(None, 7, 7), True),  # all has expired
        (Offsets(None, 0, 3), False),
        (Offsets(9, 0, 0), False),  # beyond the end of a topic that was created again
        (Offsets(3, 0, 3), True),
    ],
)
def test_a_partition_that_never_had_a_record_is_not_unknown(
    offsets: Offsets, is_known: bool
) -> None:
    """The alert on groups without a commit fired for a new topic."""
    [shown] = as_gauges([lag_from(("g", "t", 0), offsets, None, NOW)])
    assert shown.is_known is is_known


@in_jumping_time
async def test_a_group_without_a_partition_is_named_in_the_log_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A name with a typo had no series, and nothing said why."""
    flaky = Flaky()
    flaky.lags = [behind(90)]
    gauges = GroupLagGauges(CollectorRegistry(), asyncio.get_running_loop().time)
    exporting = asyncio.ensure_future(export(flaky.connect, gauges, 5.0, ["g", "leadscoer"]))
    await asyncio.sleep(30)
    exporting.cancel()
    with suppress(asyncio.CancelledError):
        await exporting
    [warning] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "expected the group leadscoer to have a commit" in warning


@in_jumping_time
async def test_it_starts_without_a_broker() -> None:
    loop = asyncio.get_running_loop()
    registry, flaky = CollectorRegistry(), Flaky()
    flaky.is_up = False
    gauges = GroupLagGauges(registry, loop.time)
    exporting = asyncio.ensure_future(export(flaky.connect, gauges, 5.0))
    await asyncio.sleep(20)
    assert registry.get_sample_value("leadscore_group_lag_age_seconds") >= 20
    flaky.is_up, flaky.lags = True, [behind(90)]
    await asyncio.sleep(6)
    assert registry.get_sample_value("leadscore_group_lag_records", WHERE) == 10
    exporting.cancel()
    with suppress(asyncio.CancelledError):
        await exporting
