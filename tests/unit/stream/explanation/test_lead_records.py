"""The records of a lead: found by its id or a place, whatever partition they are in."""

from __future__ import annotations

from typing import Any

import pytest

from model.bundle import Bundle
from schemas.errors import ErrorCode
from stream.dead_letters.letter import Place
from stream.explanation.partitions import likely_partitions
from stream.explanation.subject import LeadId, RecordPlace
from testing.dead_letters import dead_letter
from tests.unit.small_model import SmallModel
from tests.unit.stream.explanation.scored_leads import (
    AGES_AT,
    add_plan,
    emit,
    records_of,
    send,
    settings_with,
)
from tests.unit.stream.fake_topics import FakeTopics

LEAD = LeadId("L-3")


@pytest.fixture
def bundle(model: SmallModel) -> Bundle:
    return model.bundle


def filled(model: SmallModel, partition: int, **given: Any) -> FakeTopics:
    """Return topics with ten leads in one partition, all scored."""
    topics = FakeTopics()
    for lead in model.leads[:10]:
        emit(topics, send(topics, lead, partition), model.bundle, **given)
    return topics


@pytest.mark.parametrize("partition", [0, 1])
@pytest.mark.parametrize("form", ["avro", "json"])
async def test_an_event_is_found_by_the_lead_s_id_in_every_partition_and_format(
    model: SmallModel, partition: int, form: str
) -> None:
    topics = filled(model, partition, output_format=form)
    found = [each async for each in records_of(topics, settings_with()).emissions(LEAD)]
    at = RecordPlace("leads.scored", Place(partition, 3))
    assert [(each.lead, each.at) for each in found] == [(LEAD, at)]
    assert found[0].source == RecordPlace("leads.created", Place(partition, 3))
    assert found[0].scored_at.year == 2023


async def test_the_likely_partition_is_searched_first(model: SmallModel) -> None:
    likely = likely_partitions(LEAD.key, 2)[0]
    topics = filled(model, likely)
    search = records_of(topics, settings_with()).emissions(LEAD)
    assert (await anext(search)).lead == LEAD
    await search.aclose()
    assert {read[:2] for read in topics.reads} == {("leads.scored", likely)}


async def test_an_event_is_found_by_the_place_of_its_lead(model: SmallModel) -> None:
    topics = filled(model, 1)
    at = RecordPlace("leads.created", Place(1, 3))
    found = [each async for each in records_of(topics, settings_with()).emissions(at)]
    assert [each.lead for each in found] == [LEAD]


async def test_an_event_of_the_same_place_in_another_topic_is_left_out(model: SmallModel) -> None:
    topics = filled(model, 1)
    at = RecordPlace("other.leads", Place(1, 3))
    assert [each async for each in records_of(topics, settings_with()).emissions(at)] == []


async def test_values_that_are_no_events_are_skipped(model: SmallModel) -> None:
    topics = filled(model, 0)
    broken = (
        b"no event",
        None,
        b"{}",
        b"[]",
        b'{"lead_id": 3}',
        b'{"lead_id": "L-3", "source": 1}',
    )
    for value in broken:
        topics.add("leads.scored", 0, value, key=LEAD.key)
    found = [each async for each in records_of(topics, settings_with()).emissions(LEAD)]
    assert [each.at.place for each in found] == [Place(0, 3)]


async def test_a_record_that_retention_removed_is_expired(model: SmallModel) -> None:
    topics = filled(model, 0)
    topics.remove_below("leads.created", 0, 4)
    records = records_of(topics, settings_with())
    gone = await records.source(RecordPlace("leads.created", Place(0, 3)))
    kept = await records.source(RecordPlace("leads.created", Place(0, 4)))
    never = await records.source(RecordPlace("leads.created", Place(0, 99)))
    foreign = await records.source(RecordPlace("leads.created", Place(7, 0)))
    assert (gone.record, gone.is_expired) == (None, True)
    assert kept.record is not None
    assert kept.record.key == b"L-4"
    assert (never.record, never.is_expired) == (None, False)
    assert (foreign.record, foreign.is_expired) == (None, False)


@pytest.mark.parametrize("subject", [LEAD, RecordPlace("leads.created", Place(1, 42))])
async def test_a_dead_letter_is_found_by_its_key_or_its_source(
    subject: LeadId | RecordPlace,
) -> None:
    topics = FakeTopics()
    for key, offset in ((b"L-2", 41), (b"L-3", 42)):
        made = dead_letter(b"?", key, code=ErrorCode.TYPE, partition=1, offset=offset)
        topics.add("leads.created.dlq", 1, made.value, key=made.key, headers=made.headers)
    letter = await records_of(topics, settings_with()).dead_letter(subject)
    assert letter is not None
    assert (letter.code, letter.place, letter.source) == ("TYPE", Place(1, 1), Place(1, 42))


async def test_the_newest_record_of_a_lead_that_has_no_score(model: SmallModel) -> None:
    topics = FakeTopics()
    for _ in range(2):
        send(topics, model.leads[3], 1)
    found = await records_of(topics, settings_with()).newest_record(LEAD)
    assert found == RecordPlace("leads.created", Place(1, 1))


@pytest.mark.parametrize("plans", ["there", "erased", "missing"])
async def test_the_ages_of_a_rescore_are_those_of_its_plan(model: SmallModel, plans: str) -> None:
    topics = FakeTopics(partitions=1)
    emit(topics, send(topics, model.leads[3]), model.bundle, replay_id="r", ages_at=AGES_AT)
    if plans != "missing":
        add_plan(topics, "other", AGES_AT + 1)
        add_plan(topics, "r", AGES_AT)
    if plans == "erased":
        topics.add("leads.replays", 0, None, key=b"r")
    records = records_of(topics, settings_with())
    [emission] = [each async for each in records.emissions(LEAD)]
    assert await records.ages_at(emission) == (AGES_AT if plans == "there" else None)


async def test_an_event_of_a_replay_is_read_by_its_place(model: SmallModel) -> None:
    topics = FakeTopics()
    emit(topics, send(topics, model.leads[3]), model.bundle, out="leads.rescored.r")
    at = RecordPlace("leads.rescored.r", Place(0, 0))
    emission = await records_of(topics, settings_with(), at.topic).emission_at(at)
    assert emission is not None
    assert (emission.lead, emission.at) == (LEAD, at)
