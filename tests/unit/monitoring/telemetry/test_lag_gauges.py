"""Gauges of the lag exporter: what is unknown is absent, and old figures show their age."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from monitoring.telemetry.lag_gauges import GroupLagGauges, GroupPartition

BEHIND = GroupPartition("crm", "leads.scored", 0, 40, 12.5, 30.0, 7, is_known=True)
UNKNOWN = GroupPartition("crm", "leads.scored", 1, None, None, None, 0, is_known=False)


class Exposed:
    """Gauges in a registry, and the clock that they read."""

    def __init__(self) -> None:
        self.at = 100.0
        self.registry = CollectorRegistry()
        self.gauges = GroupLagGauges(self.registry, lambda: self.at)

    def value(self, name: str, partition: int | None = None) -> float | None:
        labels = {"group": "crm", "topic": "leads.scored"}
        if partition is not None:
            labels["partition"] = str(partition)
        return self.registry.get_sample_value(f"leadscore_group_{name}", labels)

    @property
    def age(self) -> float | None:
        return self.registry.get_sample_value("leadscore_group_lag_age_seconds")

    @property
    def failures(self) -> float | None:
        return self.registry.get_sample_value("leadscore_group_lag_failures_total")


@pytest.fixture
def exposed() -> Exposed:
    return Exposed()


def test_a_partition_shows_its_lag_by_group_topic_and_partition(exposed: Exposed) -> None:
    exposed.gauges.succeeded([BEHIND])
    assert exposed.value("lag_records", 0) == 40
    assert exposed.value("lag_seconds", 0) == 12.5
    assert exposed.value("lag_eta_seconds", 0) == 30
    assert exposed.value("expired_offsets", 0) == 7


def test_an_unknown_lag_is_absent_and_counted(exposed: Exposed) -> None:
    exposed.gauges.succeeded([BEHIND, UNKNOWN])
    for name in ("lag_records", "lag_seconds", "lag_eta_seconds"):
        assert exposed.value(name, 1) is None, f"{name} would look like a group without a lag"
    assert exposed.value("lag_unknown_partitions") == 1


def test_a_topic_without_unknown_partitions_has_0_of_them(exposed: Exposed) -> None:
    exposed.gauges.succeeded([BEHIND])
    assert exposed.value("lag_unknown_partitions") == 0


def test_partitions_that_are_gone_are_not_shown_any_more(exposed: Exposed) -> None:
    exposed.gauges.succeeded([BEHIND, UNKNOWN])
    exposed.gauges.succeeded([UNKNOWN._replace(group="other")])
    assert exposed.value("lag_records", 0) is None
    assert exposed.value("lag_unknown_partitions") is None


def test_the_age_starts_at_the_last_reading_and_a_failure_does_not_reset_it(
    exposed: Exposed,
) -> None:
    exposed.at = 160.0
    assert exposed.age == 60, "before the first reading: since the exporter started"
    exposed.gauges.succeeded([BEHIND])
    exposed.at = 170.0
    exposed.gauges.failed()
    exposed.gauges.failed()
    assert (exposed.age, exposed.failures) == (10, 2)
    assert exposed.value("lag_records", 0) == 40, "the last figures stay"
