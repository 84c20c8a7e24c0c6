"""The role outcomes: scores in batches, what follows them beside the group."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.roles.outcomes import OutcomesRole
from stream.scoring.schema_wait import SchemaWait
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


async def test_scores_in_confluents_framing_wait_for_their_schemas() -> None:
    made = role(schema_registry_url="http://registry")
    shadow, outcomes = (TopicPartition(topic, 0) for topic in made._followed_topics[::-1])
    schemas: Any = FakeSchemas()
    made._app.schemas = schemas
    runner: Any = FakeRunner(schemas.log)
    made.runner = runner
    records: Any = ["r"]
    await made._accept_followed(outcomes, records)
    await made._accept_followed(shadow, records)
    assert schemas.log == ["accepted leads.outcomes", "resolved", "accepted leads.scored.shadow"]


class FakeSchemas:
    """A lookup of schemas, and a log of what was done."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def resolve(self, records: Any) -> None:
        self.log.append("resolved")


class FakeRunner:
    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def accept_followed(self, at: TopicPartition, records: Any) -> None:
        self._log.append(f"accepted {at.topic}")


def test_live_scores_wait_first_in_the_order_of_services() -> None:
    waiting = role(schema_registry_url="http://registry").services
    assert isinstance(waiting[0], SchemaWait)
    assert not any(isinstance(service, SchemaWait) for service in role().services)
