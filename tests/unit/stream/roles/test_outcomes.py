"""The role outcomes: scores in batches, what follows them beside the group."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.roles.outcomes import OutcomesRole
from tests.unit.stream.roles.role_app import monitor_of, role_app

pytestmark = pytest.mark.usefixtures("current_loop")


def role(**given: Any) -> OutcomesRole:
    app = role_app("outcomes", **given)
    return OutcomesRole(app, monitor_of(app))


def test_it_reads_scores_in_a_group_of_its_own() -> None:
    made = role(group_id="g")
    assert made.source.topic == "leads.scored"
    assert made._kafka.offsets._group_id == "g-outcomes"


def test_an_assignment_reaches_the_follower_and_the_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    made = role()
    seen: list[object] = []
    monkeypatch.setattr(made.follower, "assigned", seen.append)
    monkeypatch.setattr(made.partitions, "assigned", seen.append)
    assignment = frozenset({TopicPartition("leads.scored", 3)})
    made._assigned(assignment)
    assert seen == [[3], assignment]
