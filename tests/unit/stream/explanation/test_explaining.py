"""The newest score of a lead, the history of its scores, and why there is none."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from agents.score_changes import Cause
from schemas.errors import ErrorCode
from stream.dead_letters.letter import Place
from stream.explanation.explaining import ExplainedScore, explain_score, history_of
from stream.explanation.outcome import NoScore, NoScoreError
from stream.explanation.subject import LeadId, RecordPlace, Subject
from testing.dead_letters import dead_letter
from tests.unit.small_model import SmallModel
from tests.unit.stream.explanation.scored_leads import (
    SCORED_AT,
    emit,
    records_of,
    send,
    settings_with,
)
from tests.unit.stream.fake_topics import FakeTopics
from tests.unit.two_models import TwoModels

LEAD = LeadId("L-3")
CREATED = RecordPlace("leads.created", Place(0, 0))


async def explained(topics: FakeTopics, model: Any, subject: Subject) -> ExplainedScore:
    settings = settings_with(model.registry)
    return await explain_score(settings, records_of(topics, settings), subject)


async def refusal(topics: FakeTopics, model: Any, subject: Subject) -> NoScoreError:
    with pytest.raises(NoScoreError) as refused:
        await explained(topics, model, subject)
    return refused.value


def scored(model: SmallModel) -> FakeTopics:
    topics = FakeTopics()
    emit(topics, send(topics, model.leads[3]), model.bundle)
    return topics


@pytest.mark.parametrize(
    "subject", [LEAD, CREATED, RecordPlace("leads.scored", Place(0, 0))], ids=str
)
async def test_a_score_is_explained_by_id_by_record_and_by_event(
    model: SmallModel, subject: Subject
) -> None:
    found = await explained(scored(model), model, subject)
    assert found.is_reproduced
    assert found.emission.lead == LEAD
    assert found.emission.source == CREATED


async def test_the_newest_score_is_explained(two: TwoModels) -> None:
    topics = FakeTopics()
    record = send(topics, two.small.leads[3])
    emit(topics, record, two.before)
    emit(topics, record, two.after, scored_at=SCORED_AT + 5)
    found = await explained(topics, two, LEAD)
    assert found.emission.event["model_version"] == "2"
    assert found.is_reproduced


async def test_a_score_of_a_replay_is_explained_by_its_place(model: SmallModel) -> None:
    topics, out = scored(model), "leads.rescored.r"
    record = topics.logs[TopicPartition("leads.created", 0)][0]
    emit(topics, record, model.bundle, replay_id="r", out=out)
    settings = settings_with(model.registry)
    records = records_of(topics, settings, out)
    found = await explain_score(settings, records, RecordPlace(out, Place(0, 0)))
    assert (found.emission.event["replay_id"], found.is_reproduced) == ("r", True)
    with pytest.raises(NoScoreError, match=r"a scored event at leads\.rescored\.r/0/9"):
        await explain_score(settings, records, RecordPlace(out, Place(0, 9)))


async def test_a_lead_whose_record_was_removed_has_what_was_emitted(model: SmallModel) -> None:
    topics = scored(model)
    topics.remove_below("leads.created", 0, 1)
    found = await explained(topics, model, LEAD)
    assert found.recomputed is None
    assert found.source.is_expired
    assert found.emission.event["reasons"]


async def test_a_dead_letter_is_named_with_the_command_that_shows_it(model: SmallModel) -> None:
    topics = FakeTopics()
    made = dead_letter(b"?", b"L-3", code=ErrorCode.TYPE)
    topics.add("leads.created.dlq", 0, made.value, key=made.key, headers=made.headers)
    for subject in (LEAD, CREATED, RecordPlace("leads.created.dlq", Place(0, 0))):
        error = await refusal(topics, model, subject)
        assert error.reason is NoScore.DEAD_LETTER
        assert "(TYPE); look at it with `leadscore dlq show 0/0`" in str(error)


async def test_a_lead_that_waits_for_its_score(model: SmallModel) -> None:
    topics = FakeTopics()
    send(topics, model.leads[3])
    for subject in (LEAD, CREATED):
        error = await refusal(topics, model, subject)
        assert error.reason is NoScore.UNSCORED
        assert "leads.created/0/0" in str(error)
        assert "`leadscore lag`" in str(error)


async def test_a_lead_that_nobody_has_sent(model: SmallModel) -> None:
    error = await refusal(scored(model), model, LeadId("L-4711"))
    assert error.reason is NoScore.NOT_FOUND
    assert "--last" in str(error)
    nowhere = await refusal(scored(model), model, RecordPlace("leads.created", Place(0, 99)))
    assert nowhere.reason is NoScore.NOT_FOUND
    assert "but the partition has offsets 0 to 0: check" in str(nowhere)
    foreign = await refusal(scored(model), model, RecordPlace("leads.created", Place(9, 0)))
    assert "but the topic has 2 partitions, from 0 on" in str(foreign)
    other_topic = await refusal(scored(model), model, LeadId("crm.leads/0/1"))
    assert "topics of leads, of scored events or of dead letters (this is an id)" in str(
        other_topic
    )
    no_event = await refusal(scored(model), model, RecordPlace("leads.scored", Place(0, 99)))
    assert no_event.reason is NoScore.NOT_FOUND
    assert "a scored event at leads.scored/0/99, but the partition has offsets 0 to 0" in str(
        no_event
    )


async def test_a_removed_record_without_an_event_is_expired(model: SmallModel) -> None:
    topics = FakeTopics()
    send(topics, model.leads[3])
    topics.remove_below("leads.created", 0, 1)
    error = await refusal(topics, model, CREATED)
    assert error.reason is NoScore.EXPIRED


# History


async def history(topics: FakeTopics, registry: Any, subject: Subject = LEAD) -> Any:
    settings = settings_with(registry)
    return await history_of(settings, records_of(topics, settings), subject)


async def test_a_history_names_what_changed_and_the_parts_add_up(two: TwoModels) -> None:
    topics, lead = FakeTopics(), dict(two.small.leads[3])
    changed = lead | {"page_views": 39.0, "industry": "software"}
    later = changed | {"created_at": lead["created_at"] + 7_200_000}
    emit(topics, send(topics, lead), two.before, scored_at=SCORED_AT)
    emit(topics, send(topics, changed, 1), two.before, scored_at=SCORED_AT + 1)
    emit(topics, send(topics, later), two.before, scored_at=SCORED_AT + 2)
    emit(topics, send(topics, later), two.after, scored_at=SCORED_AT + 3)
    scores, changes = await history(topics, two.registry)
    assert [score.is_reproduced for score in scores] == [True] * 4
    causes = [{(part.cause, part.field) for part in change.parts} for change in changes]
    assert causes == [
        {(Cause.LEAD, "page_views"), (Cause.LEAD, "industry")},
        {(Cause.TIME, "created_at")},
        {(Cause.MODEL, None)},
    ]
    for change in changes:
        assert sum(part.log_odds for part in change.parts) == change.log_odds
    assert changes[0].log_odds != 0
    assert changes[2].log_odds != 0


async def test_an_event_that_was_delivered_twice_is_one_score(model: SmallModel) -> None:
    topics = FakeTopics()
    record = send(topics, model.leads[3])
    for _ in range(2):
        emit(topics, record, model.bundle)
    for subject in (LEAD, CREATED):
        scores, changes = await history(topics, model.registry, subject)
        assert (len(scores), changes) == (1, [])


async def test_a_change_whose_records_are_gone_is_unknown_unless_only_the_model_changed(
    two: TwoModels,
) -> None:
    topics = FakeTopics()
    first = send(topics, two.small.leads[3])
    second = send(topics, dict(two.small.leads[3]) | {"page_views": 39.0})
    emit(topics, first, two.before, scored_at=SCORED_AT)
    emit(topics, second, two.before, scored_at=SCORED_AT + 1)
    emit(topics, second, two.after, scored_at=SCORED_AT + 2)
    topics.remove_below("leads.created", 0, 2)
    scores, changes = await history(topics, two.registry)
    assert [score.recomputed for score in scores] == [None] * 3
    assert [[part.cause for part in change.parts] for change in changes] == [
        [Cause.UNKNOWN],
        [Cause.MODEL],
    ]
    for change in changes:
        assert sum(part.log_odds for part in change.parts) == change.log_odds


async def test_a_history_of_a_lead_without_scores(model: SmallModel) -> None:
    with pytest.raises(NoScoreError) as refused:
        await history(scored(model), model.registry, LeadId("nobody"))
    assert refused.value.reason is NoScore.NOT_FOUND
