"""A report is sent for each cohort that has changed, once its partition has caught up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.outcomes.cohorts import CohortKey
from agents.outcomes.partition_join import ScoredLead
from agents.outcomes.stored_concepts import FoundChange
from agents.quality.error_change import QualityChange
from agents.quality.quality_report import Segment, decode_quality_report
from schemas.model_identity import ModelIdentity
from stream.outcomes.publisher import QualityPublisher
from testing.scored_events import SCORED_AT
from tests.unit.stream.outcomes.outcome_stage import SCORED, SHADOW, OutcomeStage

MODEL = ModelIdentity("leads", "3", "ab" * 32)


class FakeEmitter:
    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, topic: str, partition: int, rows: Any) -> tuple[()]:
        self.sent += [(topic, partition, *row) for row in rows]
        return ()


async def test_reports_are_of_what_has_changed(tmp_path: Path) -> None:
    partitions = OutcomeStage(tmp_path).partitions()
    await partitions.start_of(SCORED, None)
    score = ScoredLead(b"a", SCORED_AT, 0, 0.75, "High", MODEL)
    partitions.joins[0].add_scores(0, [score], 0, 1)
    partitions.joins[0].add_scores(1, [score], 0, 1)
    emitter: Any = FakeEmitter()
    caught_up: set[int] = set()
    publisher = QualityPublisher(
        partitions,
        emitter,
        "leads.quality",
        channels=(SCORED.topic, SHADOW.topic),
        is_caught_up=lambda number: number in caught_up,
        now_ms=lambda: SCORED_AT + 5.4,
    )
    assert await publisher.publish() == 0
    caught_up.add(0)
    assert await publisher.publish() == 2
    topic, partition, key, value, _ = emitter.sent[0]
    report = decode_quality_report(value)
    assert (topic, partition, key) == ("leads.quality", 0, report.key)
    assert (report.topic, report.partition, report.model) == (SCORED.topic, 0, MODEL)
    assert (report.reported_at, report.counts.unknown) == (SCORED_AT + 5, 1)
    assert decode_quality_report(emitter.sent[1][3]).topic == SHADOW.topic
    assert await publisher.publish() == 0
    partitions.joins[0].add_scores(0, [score._replace(lead_id=b"b", offset=1)], 1, 2)
    assert await publisher.publish() == 1
    assert decode_quality_report(emitter.sent[2][3]).counts.unknown == 2


async def test_segments_have_reports_of_their_own_without_figures(tmp_path: Path) -> None:
    partitions = OutcomeStage(tmp_path).partitions()
    await partitions.start_of(SCORED, None)
    segments = (("country", "NL"), ("age", "under 30"))
    score = ScoredLead(b"a", SCORED_AT, 0, 0.75, "High", MODEL, segments)
    partitions.joins[0].add_scores(0, [score], 0, 1)
    emitter: Any = FakeEmitter()
    publisher = QualityPublisher(
        partitions,
        emitter,
        "leads.quality",
        channels=(SCORED.topic, SHADOW.topic),
        is_caught_up=lambda _: True,
        now_ms=lambda: SCORED_AT,
    )
    assert await publisher.publish() == 3
    reports = [decode_quality_report(sent[3]) for sent in emitter.sent]
    assert [report.segment for report in reports] == [
        *(None, Segment("age", "under 30"), Segment("country", "NL"))
    ]
    assert {report.counts.unknown for report in reports} == {1}
    assert len({sent[2] for sent in emitter.sent}) == 3


async def test_changes_of_the_errors_are_reported(tmp_path: Path) -> None:
    partitions = OutcomeStage(tmp_path).partitions()
    await partitions.start_of(SCORED, None)
    change = QualityChange("bias", "adwin", None, 0.2, True)
    found = [FoundChange(CohortKey(1, MODEL, SCORED_AT), change)]
    join: Any = partitions.joins[0]
    join.take_changes = lambda: [found.pop()] if found else []
    emitter: Any = FakeEmitter()
    publisher = QualityPublisher(
        partitions,
        emitter,
        "leads.quality",
        channels=(SCORED.topic, SHADOW.topic),
        is_caught_up=lambda _: True,
        now_ms=lambda: SCORED_AT,
    )
    assert await publisher.publish() == 1
    report = decode_quality_report(emitter.sent[0][3])
    assert (report.topic, report.model, report.change) == (SHADOW.topic, MODEL, change)
    assert await publisher.publish() == 0
