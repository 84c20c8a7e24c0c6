"""How the batch source reads, by the settings of the worker."""

from __future__ import annotations

from inspect import signature

import pytest

from stream.consume.source_options import STOP_RESERVE, SourceOptions
from stream.kafka.consumer import open_consumer
from stream.settings import load_settings


def test_the_settings_reach_the_source_in_seconds() -> None:
    settings = load_settings(
        batch_max_records=700, fetch_linger_ms=9, commit_interval_seconds=2.5, unreadable="stop"
    )
    options = SourceOptions.from_settings(settings, in_flight_bytes=1 << 20)
    assert (options.max_records, options.in_flight_bytes) == (700, 1 << 20)
    assert (options.linger, options.commit_interval) == (0.009, 2.5)
    assert options.unreadable == "stop"


@pytest.mark.parametrize(
    ("whole", "source"), [(30.0, 30.0 - STOP_RESERVE), (STOP_RESERVE + 1, 1.0), (1.0, 1.0)]
)
def test_a_stop_leaves_time_for_the_producer_but_the_source_has_a_second_at_least(
    whole: float, source: float
) -> None:
    settings = load_settings(stop_timeout_seconds=whole)
    assert SourceOptions.from_settings(settings, 1).stop_limit == source


def test_a_revocation_ends_before_the_group_removes_the_worker() -> None:
    """The batches in flight and the commit after them fit into the rebalance time-out."""
    limit = signature(open_consumer).parameters["rebalance_timeout"].default
    options = SourceOptions()
    assert options.revoke_limit + options.commit_limit < limit
