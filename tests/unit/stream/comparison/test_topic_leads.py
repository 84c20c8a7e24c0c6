"""The comparison over a topic, with its records in memory; on real Kafka: tests/integration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest

from schemas.errors import FatalError
from stream.comparison.models import score_records
from stream.comparison.request import Request, TopicOutcomes
from stream.comparison.topic_leads import compare_topic
from stream.settings import Settings, load_settings
from stream.snapshot.record_sample import TimeRange
from tests.unit.small_model import LEADS
from tests.unit.stream.comparison.lead_records import LeadRecord, lead_records
from tests.unit.two_models import TwoModels

WITHIN = TimeRange(1_702_000_000_000, 1_702_000_600_000)


class Topics:
    """Topics in memory, as ``records_within`` reads them."""

    def __init__(self) -> None:
        self.records: dict[str, list[LeadRecord]] = {}

    async def read(
        self, _settings: Settings, topic: str, within: TimeRange, _use: Any
    ) -> AsyncIterator[list[LeadRecord]]:
        yield [record for record in self.records.get(topic, []) if within.holds(record)]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch, two: TwoModels) -> Topics:
    """The leads and the live scores of the first model, the last one without a score."""
    settings, topics = load_settings(), Topics()
    leads = lead_records(two.small)
    scored = score_records(two.before, settings, leads).side.values  # type: ignore[arg-type]
    topics.records = {
        settings.leads_created: leads,
        settings.leads_scored: [LeadRecord(value) for value in scored[:-1]],
    }
    readers = ("snapshot.record_sample", "comparison.live_scores", "comparison.topic_outcomes")
    for module in readers:
        monkeypatch.setattr(f"stream.{module}.records_within", topics.read)
    return topics


def outcome(lead: Mapping[str, Any], kind: str, arrived: int, clock: str) -> LeadRecord:
    at = arrived if clock == "scored_at" else lead["created_at"] + 1000
    made = {"lead_id": lead["lead_id"], "outcome": kind, "occurred_at": at}
    return LeadRecord(orjson.dumps(made), timestamp=arrived)


def ignore(_topic: str, _count: int) -> None:
    """Ignore progress."""


async def test_live_scores_are_those_of_the_model_to_the_bit(
    two: TwoModels, topics: Topics
) -> None:
    seen: dict[str, int] = {}
    request = Request(before=None, after=two.before, sample=LEADS)
    found = await compare_topic(load_settings(), request, WITHIN, seen.__setitem__)
    assert found.is_unchanged
    assert (found.counts.compared, found.counts.only_after) == (LEADS - 1, 1)
    assert seen == {"leads.created": LEADS, "leads.scored": LEADS - 1}


async def test_a_candidate_against_a_model_is_as_against_its_live_scores(
    two: TwoModels, topics: Topics
) -> None:
    topics.records["leads.created"].pop()
    live = await compare_topic(load_settings(), Request(None, two.after, LEADS), WITHIN, ignore)
    model = await compare_topic(
        load_settings(), Request(two.before, two.after, LEADS), WITHIN, ignore
    )
    assert live.shift == model.shift
    assert live.movers == model.movers
    assert live.movers[0].place.startswith("leads.created/0/")
    assert live.subject.before == "live scores (leads/1)"


@pytest.mark.parametrize("clock", ["scored_at", "created_at"])
async def test_outcomes_of_the_topic_are_joined_once_the_horizon_has_passed(
    two: TwoModels, topics: Topics, clock: str
) -> None:
    settings = load_settings(outcome_time=clock, outcome_horizon_days=1.0)
    arrived = WITHIN.start + 3_600_000
    topics.records[settings.leads_outcomes] = [
        *(outcome(two.small.leads[row], "won", arrived, clock) for row in range(0, LEADS, 4)),
        outcome(two.small.leads[1], "engaged", arrived, clock),
        LeadRecord(b"none", timestamp=arrived),
    ]
    now = WITHIN.end + 5 * 365 * 86_400_000
    request = Request(two.before, two.after, LEADS, outcomes=TopicOutcomes(now))
    found = await compare_topic(settings, request, WITHIN, ignore)
    assert found.quality is not None
    assert found.quality.before.rows == LEADS
    assert found.quality.before.rate == 0.25
    assert [note.partition(" ")[0] for note in found.notes[:2]] == ["Outcomes", "Records"]
    early = Request(two.before, two.after, LEADS, outcomes=TopicOutcomes(0))
    assert (await compare_topic(settings, early, WITHIN, ignore)).quality is None


async def test_a_range_without_a_lead_is_an_error(two: TwoModels, topics: Topics) -> None:
    with pytest.raises(FatalError, match="there is none: give a longer range"):
        await compare_topic(
            load_settings(), Request(None, two.after, LEADS), TimeRange(0, 1), ignore
        )
