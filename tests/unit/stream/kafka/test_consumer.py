"""How the consumer of the batch source is opened: seconds become milliseconds, safely related."""

from __future__ import annotations

from typing import Any

import pytest

from stream.kafka import consumer as module
from stream.kafka.consumer import open_consumer


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of the latest consumer."""
    given: dict[str, Any] = {}

    def consumer(**options: Any) -> object:
        given.clear()
        given.update(options)
        return object()

    monkeypatch.setattr(module, "GroupConsumer", consumer)
    return given


def test_times_are_given_in_milliseconds(opened: dict[str, Any]) -> None:
    open_consumer(
        {"bootstrap_servers": "here:1"},
        group_id="g",
        session_timeout=10.0,
        rebalance_timeout=15.0,
        metadata_max_age=2.5,
    )
    assert opened["bootstrap_servers"] == "here:1"
    assert (opened["session_timeout_ms"], opened["heartbeat_interval_ms"]) == (10_000, 3_000)
    assert (opened["rebalance_timeout_ms"], opened["metadata_max_age_ms"]) == (15_000, 2_500)


def test_a_request_may_take_longer_than_a_rebalance_and_an_option_overrides_it(
    opened: dict[str, Any],
) -> None:
    open_consumer({}, group_id="g", rebalance_timeout=15.0)
    assert opened["request_timeout_ms"] > opened["rebalance_timeout_ms"]
    open_consumer({}, group_id="g", request_timeout_ms=1500)
    assert opened["request_timeout_ms"] == 1500


def test_offsets_are_neither_committed_nor_reset_by_the_client(opened: dict[str, Any]) -> None:
    open_consumer({}, group_id="g")
    assert opened["enable_auto_commit"] is False
    assert opened["auto_offset_reset"] == "none"


@pytest.mark.parametrize(
    ("protocol", "names"), [("own", ["leadscore"]), ("both", ["leadscore", "roundrobin"])]
)
def test_the_member_lists_the_protocols_of_the_setting(
    opened: dict[str, Any], protocol: Any, names: list[str]
) -> None:
    open_consumer({}, group_id="g", group_protocol=protocol)
    assert [each.name for each in opened["partition_assignment_strategy"]] == names
