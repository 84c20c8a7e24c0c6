"""Assignments and losses are shown; a log that was replaced ends the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitoring.telemetry.health import Condition, Health
from stream.consume.lost_records import Loss, LossReason
from stream.kafka.record_clock import RecordClock
from stream.outcomes.observer import OutcomeObserver
from tests.unit.stream.outcomes.outcome_stage import SCORED, OutcomeStage
from tests.unit.stream.sinks.fake_sink import batch_of, record_of, until


class Place:
    def __init__(self, folder: Path) -> None:
        self.stage = OutcomeStage(folder)
        self.health = Health(0.0, conditions=[Condition.PARTITIONS_ASSIGNED])
        self.assigned: list[object] = []
        self.observer = OutcomeObserver(
            *(self.stage.metrics, self.health, RecordClock()),
            *(self.assigned.append, self.stage.app.crash),
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_assignment_is_passed_on(place: Place) -> None:
    place.observer.on_fetch(batch_of(record_of(0)))
    place.observer.on_commit({SCORED: 1})
    place.observer.on_rebalance(frozenset([SCORED]))
    assert place.assigned == [frozenset([SCORED])]
    assert place.health.meets(Condition.PARTITIONS_ASSIGNED)


async def test_lost_records_are_counted_and_a_replaced_log_ends_the_worker(place: Place) -> None:
    place.observer.on_loss(Loss(SCORED, 0, 7, LossReason.RETENTION))
    labels = {"topic": "leads.scored", "partition": "0", "reason": LossReason.RETENTION.value}
    assert place.stage.value("leadscore_outcome_lost_records_total", **labels) == 7
    assert place.stage.app.errors == []
    place.observer.on_loss(Loss(SCORED, 7, 7, LossReason.LOG_REPLACED))
    await until(lambda: bool(place.stage.app.errors))
    assert "start the worker again" in str(place.stage.app.errors[0])
