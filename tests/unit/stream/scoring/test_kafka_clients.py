"""The Kafka clients of the scoring role: settings reach each of them, and they share a budget."""

from __future__ import annotations

from typing import Any

import pytest

from stream.consume.start_offsets import unchecked_start
from stream.deliver.transactions import Transactions
from stream.kafka.topic_limits import TopicLimits
from stream.scoring import kafka_clients as module
from stream.scoring.kafka_clients import EMITTER_STOP_LIMIT, KafkaClients
from stream.settings import load_settings


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Values that the bounds of batches and responses of the process were set to."""
    found: list[Any] = []
    monkeypatch.setattr(module, "bound_batches", found.append)
    monkeypatch.setattr(module, "bound_responses", found.append)
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of the latest consumer."""
    given: dict[str, Any] = {}

    def open_consumer(connection: Any, **options: Any) -> object:
        given.update(options, connection=connection)
        return object()

    monkeypatch.setattr(module, "open_consumer", open_consumer)
    return given


def clients(**settings: Any) -> KafkaClients:
    return KafkaClients(load_settings(kafka_bootstrap_servers="here:1", **settings))


def test_the_memory_budget_bounds_batches_and_responses_of_the_whole_process(
    bounds: list[Any],
) -> None:
    made = clients(memory_budget_mb=300)
    assert bounds == [made.budget.batches, made.budget.largest_batch_bytes]


def test_the_consumer_has_the_settings_of_the_group_and_the_budget(
    bounds: list[Any], opened: dict[str, Any]
) -> None:
    made = clients(group_id="g", session_timeout_ms=9000, metadata_max_age_ms=2500)

    def refused(_: object) -> None:
        """Refuse nothing."""

    made.consumer(refused)
    assert opened["connection"]["bootstrap_servers"] == "here:1"
    assert (opened["group_id"], opened["session_timeout"]) == ("g", 9.0)
    assert opened["metadata_max_age"] == 2.5
    assert opened["budget"] is made.budget
    assert opened["on_refusal"] is refused
    assert opened["shared"]["delivery"] == "at_least_once"


@pytest.mark.parametrize(
    ("delivery", "isolation"),
    [("at_least_once", "read_uncommitted"), ("exactly_once", "read_uncommitted")],
)
def test_the_reader_of_outputs_sees_uncommitted_records_whatever_the_delivery(
    bounds: list[Any], delivery: Any, isolation: str
) -> None:
    made = clients(delivery=delivery)
    assert made.output_log()._isolation_level == isolation
    assert made.output_log()._budget is made.budget
    assert made.committed_output_log()._isolation_level == "read_committed"
    assert made.committed_output_log()._budget is made.budget
    assert made.source_log()._isolation_level == load_settings().isolation_level


def test_the_emitter_stops_soon_and_has_the_delivery_limit(bounds: list[Any]) -> None:
    made = clients(delivery_timeout_seconds=33)
    emitter = made.emitter(["scored", "dead"])
    assert emitter.options.delivery_limit == 33
    assert emitter.options.stop_limit == EMITTER_STOP_LIMIT
    assert set(emitter.limits.topics) == {"scored", "dead"}


def test_transactions_have_group_size_and_limit_of_the_settings(bounds: list[Any]) -> None:
    made = clients(group_id="g", delivery_timeout_seconds=33)
    limits = TopicLimits(["scored"], made.read_limits, fallback=1, batch_bytes=1)
    found = made.transactions(["scored"], limits)
    assert isinstance(found, Transactions)
    options = found._options
    assert (options.group_id, options.delivery_limit) == ("g", 33)
    assert options.most_bytes == made.budget.transaction_bytes
    assert found.limits is limits


def test_the_committer_asks_for_the_groups_offsets(bounds: list[Any]) -> None:
    made = clients(delivery_timeout_seconds=33)

    given = made.group_committer(unchecked_start).keywords  # type: ignore[attr-defined]
    assert given["read_committed"] == made.offsets.read
    assert (given["start_of"], given["start_limit"]) == (unchecked_start, 33)
