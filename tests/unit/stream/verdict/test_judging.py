"""A verdict over topics in memory; on real Kafka: tests/integration/test_shadow_verdict.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest

from agents.verdict.partition_pairs import PairCounts
from agents.verdict.verdict import Decision, Verdict
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.verdict.judging import judge
from stream.verdict.request import Request
from tests.unit.stream.verdict.verdict_topics import (
    AT,
    DAY_MS,
    LIVE,
    SHADOW,
    StoredRecord,
    VerdictTopics,
    scored_event,
)

COUNT = 3000
STEP_MS = 100_000
REQUEST = Request(LIVE, SHADOW, start_ms=0, difference=0.01)


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> VerdictTopics:
    """Leads whose conversion the shadow knows, and live scores that know nothing."""
    topics = VerdictTopics()
    topics.install(monkeypatch)
    random = np.random.default_rng(3)
    chances = random.beta(1, 3, COUNT)
    settings = topics.settings
    for offset, chance in enumerate(chances.tolist()):
        at = AT + STEP_MS * offset
        topics.add(settings.leads_scored, scored_event(offset, 0.25, LIVE, at=at))
        # It has caught up later.
        late = scored_event(offset, chance, SHADOW, at=at + DAY_MS, latency_ms=DAY_MS)
        topics.add(settings.leads_scored_shadow, late)
        if random.random() < chance:
            topics.add_outcome(offset, "won", at + DAY_MS)
    return topics


async def judged(topics: VerdictTopics, request: Request = REQUEST) -> Verdict:
    return await judge(topics.settings, request, lambda _topic, _count: None)


def pass_horizon(topics: VerdictTopics, days: float = 61) -> None:
    """Score another lead so much later that outcomes are known."""
    at = round(AT + STEP_MS * COUNT + days * DAY_MS)
    topics.add(topics.settings.leads_scored, scored_event(COUNT, 0.5, LIVE, at=at))


async def test_before_the_horizon_the_scores_are_compared_and_no_outcome_counts(
    topics: VerdictTopics,
) -> None:
    verdict = await judged(topics)
    assert verdict.counts == PairCounts(both=COUNT)
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.waiting == COUNT
    assert verdict.scores.shift.mean_before == pytest.approx(0.25)


async def test_after_the_horizon_the_better_candidate_is_found(topics: VerdictTopics) -> None:
    pass_horizon(topics)
    verdict = await judged(topics)
    assert verdict.decision is Decision.BETTER
    assert verdict.outcomes == COUNT
    assert 0.2 * COUNT < verdict.positives < 0.3 * COUNT
    assert verdict.gains["log_loss"].interval().low > 0
    assert "counts as a failure" in verdict.notes[-1]


async def test_a_look_in_between_has_the_outcomes_of_the_oldest_leads(
    topics: VerdictTopics,
) -> None:
    pass_horizon(topics, days=60 - COUNT * STEP_MS / DAY_MS / 2)
    verdict = await judged(topics)
    assert verdict.outcomes == pytest.approx(COUNT / 2, abs=1)
    assert verdict.waiting == COUNT - verdict.outcomes


async def test_dead_letters_of_one_side_are_counted(topics: VerdictTopics) -> None:
    settings = topics.settings
    topics.add(settings.leads_scored, scored_event(COUNT, 0.5, LIVE))
    topics.add_dead_letter(settings.leads_scored_shadow_dlq, COUNT)
    topics.add_dead_letter(settings.leads_created_dlq, COUNT + 1)
    topics.add(settings.leads_scored_shadow, scored_event(COUNT + 1, 0.5, SHADOW))
    assert (await judged(topics)).counts == PairCounts(COUNT, only_live=1, only_shadow=1)


async def test_scores_of_another_candidate_are_in_no_figure(topics: VerdictTopics) -> None:
    other = Request(LIVE, ModelIdentity("leads", "3", "c" * 64), 0, 0.01)
    match = r"leads.scored.shadow, but there are none.*can't score in leads.scored.shadow.dlq"
    with pytest.raises(FatalError, match=match):
        await judged(topics, other)


async def test_records_that_can_not_be_read_are_a_note(topics: VerdictTopics) -> None:
    topics.add(topics.settings.leads_scored, StoredRecord(b"no event"))
    topics.add(topics.settings.leads_outcomes, StoredRecord(b"no outcome"))
    notes = (await judged(topics)).notes
    assert "Records that are no scored event: 1." in notes
    assert "Records of leads.outcomes that are no outcome: 1." in notes


async def test_only_what_was_scored_since_a_time_counts(topics: VerdictTopics) -> None:
    start = AT + DAY_MS + STEP_MS * 1000
    verdict = await judged(topics, Request(LIVE, SHADOW, start, 0.01))
    assert verdict.counts.both == COUNT - 1000
    assert "since 2023-" in verdict.subject.where


async def test_leads_that_the_candidate_has_learnt_from_are_in_no_figure(
    topics: VerdictTopics,
) -> None:
    for records in topics.records.values():
        for place, record in enumerate(records):
            event = orjson.loads(record.value or b"{}")
            value = orjson.dumps(event | {"created_at": AT + STEP_MS * place})
            records[place] = replace(record, value=value)
    until = AT + STEP_MS * 1000
    verdict = await judged(topics, replace(REQUEST, learnt_until_ms=until))
    assert verdict.counts == PairCounts(both=COUNT - 1001)
    assert any("may have learnt from them" in note for note in verdict.notes)


async def test_without_a_shadow_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = VerdictTopics()
    empty.install(monkeypatch)
    with pytest.raises(FatalError, match="leadscore worker --role shadow"):
        await judged(empty)


async def test_partitions_are_paired_each_by_itself(topics: VerdictTopics) -> None:
    settings = topics.settings
    source = {"topic": "leads.created", "partition": 1, "offset": 5}
    for topic, model in ((settings.leads_scored, LIVE), (settings.leads_scored_shadow, SHADOW)):
        topics.add(topic, scored_event(5, 0.5, model, source=source), partition=1)
    assert (await judged(topics)).counts == PairCounts(COUNT + 1)
