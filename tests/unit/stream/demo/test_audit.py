"""The audit: every kind of fault is found, and what is in order has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from agents.scoring import Scorer
from schemas.errors import ErrorCode
from schemas.record_codec import RecordCodec
from schemas.wire import WireFormat
from stream.demo.audit import Audit, ScoredLead, read_scored
from stream.scoring.bundle_scorer import scorer_of
from stream.settings import load_settings
from stream.simulator.run import BrokenEvent, Played
from tests.unit.agents.test_scoring import records, score
from tests.unit.small_model import SmallModel


def lead(partition: int, offset: int, sent_at: int = 1000) -> ScoredLead:
    return ScoredLead((partition, offset), f"L-{offset}", 1, sent_at, 0.5, "Low", [])


def why(offset: int, code: str) -> dict[str, bytes]:
    return {"__connect.errors.offset": b"%d" % offset, "leadscore.error.code": code.encode()}


def played() -> Played:
    """Offsets 10 to 14 of partition 0 and 0 to 2 of 1; of them 0/11 not decodable, 1/2 thin."""
    run = Played()
    run.offsets = {0: [range(10, 13), range(13, 15)], 1: [range(3)]}
    run.broken = [
        BrokenEvent(0, 11, "garbage", ErrorCode.DECODE, "L-11"),
        BrokenEvent(1, 2, "few fields", ErrorCode.FEATURES, "L-2"),
    ]
    run.delivered = Counter(lead=6, garbage=1, few=1)
    return run


def audit(*, without: tuple[int, int] | None = None) -> Audit:
    """All of it, as it should come out."""
    found = Audit()
    sources = [(0, 10), (0, 12), (0, 13), (0, 14), (1, 0), (1, 1), (1, 2)]
    found.add_scored([lead(*source) for source in sources if source != without], 1010.0)
    if without != (0, 11):
        found.add_dead(0, why(11, "DECODE"))
    return found


def test_a_sound_run_has_no_fault() -> None:
    assert audit().faults(played()) == []
    assert audit().total == played().sent


def put_both_ways(found: Audit) -> None:
    found.add_dead(0, why(10, "DECODE"))


def put_unknown(found: Audit) -> None:
    found.add_scored([lead(0, 15)], 1010.0)


def kill_a_good_one(found: Audit) -> None:
    del found.scored[0, 10]
    found.add_dead(0, why(10, "TYPE"))


def score_a_broken_one(found: Audit) -> None:
    del found.dead[0, 11]
    found.add_scored([lead(0, 11)], 1010.0)


def take_another_code(found: Audit) -> None:
    found.dead[0, 11] = "TYPE"


def lose_one(found: Audit) -> None:
    del found.scored[1, 1]


def lose_a_dead_one(found: Audit) -> None:
    del found.dead[0, 11]


FAULTS: dict[Callable[[Audit], None], list[str]] = {
    lose_one: ["1 leads were sent but have no output"],
    lose_a_dead_one: ["1 leads were sent but have no output"],
    put_unknown: ["1 leads have an output but were not sent"],
    put_both_ways: [
        "1 leads have both a score and a dead letter",
        "1 leads were valid but became dead letters",
    ],
    kill_a_good_one: ["1 leads were valid but became dead letters"],
    score_a_broken_one: ["1 leads were broken but got a score"],
    take_another_code: ["1 leads became dead letters with the wrong code"],
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_kind_of_fault_is_found(fault: Callable[[Audit], None]) -> None:
    found = audit()
    fault(found)
    assert found.faults(played()) == FAULTS[fault]


def test_where_few_fields_are_refused_a_thin_lead_must_be_dead() -> None:
    assert audit().faults(played(), refuse_few_fields=True) == [
        "1 leads were broken but got a score"
    ]
    found = audit(without=(1, 2))
    found.add_dead(1, why(2, "FEATURES"))
    assert found.faults(played(), refuse_few_fields=True) == []


def test_repeats_are_counted_and_no_fault() -> None:
    found = audit()
    found.add_scored([lead(0, 10)], 9999.0)
    found.add_dead(0, why(11, "DECODE"))
    assert found.repeats == 2
    assert found.faults(played()) == []
    assert found.last_ms == 1010.0
    assert len(found.latencies_ms) == len(found.scored)


def test_latency_is_from_the_records_time_stamp_to_the_receipt() -> None:
    found = Audit()
    found.add_scored([lead(0, n, sent_at=1000) for n in range(3)], 1010.0)
    found.add_scored([lead(0, 3, sent_at=1000)], 1110.0)
    assert found.latency_ms(50) == 10.0
    assert found.latency_ms(100) == 110.0
    assert Audit().latency_ms(99) == 0.0


def test_codes_are_counted() -> None:
    assert audit().codes == {"DECODE": 1}


def test_a_scored_event_is_read_as_it_was_written(model: SmallModel) -> None:
    from model.serving.predictor import open_predictor

    settings = load_settings(output_format=WireFormat.AVRO.value)
    scorer: Scorer = scorer_of(
        model.bundle, open_predictor(model.bundle), settings, topic=settings.leads_created
    )
    batch = score(scorer, records(model.values()[:2], first=7, partition=3))
    codec = RecordCodec("lead_scored")
    read: Any = [read_scored(value or b"", codec) for _, value, _ in batch.scored]
    assert [one.source for one in read] == [(3, 7), (3, 8)]
    assert read[0].lead_id == model.leads[0]["lead_id"]
    assert read[0].score == batch.scores[0]
    assert read[0].created_at == model.leads[0]["created_at"]
    assert read[0].sent_at == records([b""])[0].timestamp
    assert 0 < len(read[0].reasons) <= 3
