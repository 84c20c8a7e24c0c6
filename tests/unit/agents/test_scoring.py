"""Scoring: outputs, verdicts, order, request ids; a lead alone scores as in a batch."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import orjson
import pytest

from agents.batch_scorer import BatchScorer
from agents.dead_letters import forms_of
from agents.records import Output
from agents.rules import Rules
from agents.scored_batch import ScoredBatch
from agents.scoring import Scorer
from features.matrix import FeatureEncoder
from model.serving.onnx_runtime import OnnxPredictor
from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.plausible_times import PlausibleTimes
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from tests.unit.scored_bundle import scored_model_of
from tests.unit.small_model import SmallModel, contract

SCORED_AT = 1_800_000_000_000
Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    headers: Headers = ()
    key: bytes | None = b"key"
    timestamp: int = SCORED_AT - 7
    partition: int = 2


MakeScorer = Callable[..., Scorer]


@pytest.fixture(scope="module")
def make_scorer(model: SmallModel) -> MakeScorer:
    bundle = model.bundle
    metadata = bundle.metadata
    predictor = OnnxPredictor(bundle.files["model.onnx"])
    labels = metadata.reason_labels()

    def make(
        rules: Rules | None = None,
        wire: WireFormat = WireFormat.JSON,
        times: PlausibleTimes | None = None,
        ages_at: int | None = None,
    ) -> Scorer:
        return Scorer(
            scored_model_of(bundle),
            decoder=LeadDecoder(SchemaStore.load(), metadata.spec.kinds),
            encoder=FeatureEncoder(metadata.spec, metadata.reference),
            predictor=predictor,
            labels=labels,
            rules=rules or Rules(),
            wire=wire,
            times=times,
            ages_at=ages_at,
        )

    return make


def score(
    scorer: BatchScorer,
    records: Sequence[Record],
    too_large: Callable[[Sequence[Output]], Sequence[int]] = lambda _: (),
) -> ScoredBatch:
    read = scorer.decode(records)
    features = scorer.features(read)
    prediction = scorer.predict(features)
    return scorer.outputs(read, features, prediction, scored_at=SCORED_AT, too_large=too_large)


def records(values: Sequence[bytes | None], first: int = 100, partition: int = 2) -> list[Record]:
    return [Record(first + i, value, partition=partition) for i, value in enumerate(values)]


def events(batch: ScoredBatch) -> list[dict[str, Any]]:
    return [orjson.loads(value or b"") for _, value, _ in batch.scored]


def lead(lead_id: str = "a", **fields: Any) -> bytes:
    known = {"page_views": 3, "industry": "retail", "job_title": "cto", "summary": "hello there"}
    return orjson.dumps(
        {"lead_id": lead_id, "created_at": 1_700_000_000_000, "company_size": 5, **known, **fields}
    )


def test_every_good_lead_becomes_an_event_in_order(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    given = records(model.values())
    batch = score(make_scorer(), given)
    assert batch.positions == list(range(len(given)))
    assert batch.dead_letters == []
    assert [key for key, _, _ in batch.scored] == [x["lead_id"].encode() for x in model.leads]
    assert [event["source"] for event in events(batch)] == [
        {"topic": "leads.created", "partition": 2, "offset": record.offset} for record in given
    ]
    assert batch.scores.tolist() == [event["score"] for event in events(batch)]
    assert batch.coverage.tolist() == [event["feature_coverage"] for event in events(batch)]
    assert len({event["event_id"] for event in events(batch)}) == len(given)


def test_an_event_says_all_that_reproduces_its_score(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    [event] = events(score(make_scorer(), records([lead()])))
    assert event["lead_id"] == "a"
    assert event["model_sha256"] == model.bundle.sha256
    assert event["engine"] == "onnx"
    assert event["calibration"] == {"method": "platt", "slope": 0.83, "intercept": -0.21}
    assert event["created_at"] == 1_700_000_000_000
    assert event["scored_at"] == SCORED_AT
    assert event["latency_ms"] == 7
    assert event["feature_coverage"] == 1.0
    assert event["low_coverage"] is False
    assert 0 < len(event["reasons"]) <= 3
    assert {reason["feature"] for reason in event["reasons"]} <= set(model.columns)


@pytest.mark.parametrize("wire", [WireFormat.JSON, WireFormat.AVRO])
def test_a_lead_alone_is_scored_as_in_a_batch_to_the_bit(
    model: SmallModel, make_scorer: MakeScorer, wire: WireFormat
) -> None:
    scorer = make_scorer(wire=wire)
    given = records(model.values())
    together = score(scorer, given)
    alone = [score(scorer, [record]) for record in given]
    assert together.scored == [batch.scored[0] for batch in alone]
    assert together.scores.tobytes() == b"".join(batch.scores.tobytes() for batch in alone)


def test_the_avro_event_says_what_the_json_event_says(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    given = records(model.values()[:50])
    schema = contract("lead_scored").parsed
    batch = score(make_scorer(wire=WireFormat.AVRO), given)
    read = [
        fastavro.schemaless_reader(io.BytesIO((value or b"")[HEADER_BYTES:]), schema, None)
        for _, value, _ in batch.scored
    ]
    assert read == events(score(make_scorer(), given))


def test_avro_leads_and_json_leads_score_the_same(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    scorer = make_scorer()
    avro = score(scorer, records(model.values(WireFormat.AVRO)))
    json = score(scorer, records(model.values(WireFormat.JSON)))
    assert avro.scored == json.scored


def test_the_same_record_gets_the_same_event_again(make_scorer: MakeScorer) -> None:
    assert score(make_scorer(), records([lead()])).scored == (
        score(make_scorer(), records([lead()])).scored
    )
    ids = {
        events(score(make_scorer(), records([lead()], first, partition)))[0]["event_id"]
        for first in (0, 1)
        for partition in (0, 1)
    }
    assert len(ids) == 4


def test_a_lead_with_its_age_of_another_time_is_another_event(
    make_scorer: MakeScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float | None] = []
    encode = FeatureEncoder.encode

    def recording(self: FeatureEncoder, *given: Any, ages_at: float | None = None) -> Any:
        asked.append(ages_at)
        return encode(self, *given, ages_at=ages_at)

    monkeypatch.setattr(FeatureEncoder, "encode", recording)
    times = (None, 1_800_000_000_000, 1_900_000_000_000)
    found = [score(make_scorer(ages_at=at), records([lead()])) for at in times]
    assert asked == [*times]
    assert len({events(batch)[0]["event_id"] for batch in found}) == 3


BAD = {
    ErrorCode.WIRE_FORMAT: b"\x00\x00\x00\x00\x01abc",
    ErrorCode.SCHEMA: b"\xc3\x01abcdefgh",
    ErrorCode.DECODE: b'{"lead_id": ',
    ErrorCode.VALIDATION: b'{"created_at": 1}',
    ErrorCode.TYPE: lead(page_views="many"),
    ErrorCode.NOT_FINITE: encode_lead(
        {"lead_id": "n", "created_at": 1, "page_views": float("nan")}, contract(), WireFormat.AVRO
    ),
    ErrorCode.TOO_LARGE: lead(summary="x" * 300_000),
}


def test_bad_records_leave_the_others_of_the_batch_unaffected(make_scorer: MakeScorer) -> None:
    """Bad, good, bad, good, ...: the good ones score as without the bad ones."""
    bad = [None, *BAD.values()]
    values = [
        value
        for pair in zip(bad, [lead(f"g{i}") for i in range(len(bad))], strict=True)
        for value in pair
    ]
    given = records(values)
    batch = score(make_scorer(), given)
    assert batch.positions == list(range(1, len(values), 2))
    assert [letter.position for letter in batch.dead_letters] == list(range(0, len(values), 2))
    assert [letter.code for letter in batch.dead_letters] == [ErrorCode.WIRE_FORMAT, *BAD]
    assert batch.codes[ErrorCode.WIRE_FORMAT] == 2
    assert batch.scored == score(make_scorer(), given[1::2]).scored


def test_a_dead_letter_is_the_record_untouched_and_why(make_scorer: MakeScorer) -> None:
    headers: Headers = [("Trace", b"\xff"), ("empty", None), ("Trace", b"again")]
    given = Record(41, b"\xff\x00", headers, key=b"\xfe", partition=5)
    [letter] = score(make_scorer(), [given]).dead_letters
    key, value, written = letter.output
    assert (key, value) == (b"\xfe", b"\xff\x00")
    assert written[: len(headers)] == headers
    why = dict(written[len(headers) :])
    assert why["__connect.errors.topic"] == b"leads.created"
    assert why["__connect.errors.partition"] == b"5"
    assert why["__connect.errors.offset"] == b"41"
    assert why["leadscore.error.code"] == b"WIRE_FORMAT"
    assert why["leadscore.schema"] == b"unknown"
    assert why["leadscore.attempt"] == b"1"


def test_a_dead_letter_names_the_schema_of_its_record(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    cut = model.values()[0][:-1]
    [letter] = score(make_scorer(), records([cut])).dead_letters
    assert letter.code is ErrorCode.DECODE
    assert dict(letter.output[2])["leadscore.schema"] == b"leadscore.v1.lead_created"


def test_an_empty_batch_has_no_output(make_scorer: MakeScorer) -> None:
    batch = score(make_scorer(), [])
    assert (batch.scored, batch.positions, batch.dead_letters) == ([], [], [])
    assert batch.scores.shape == batch.coverage.shape == (0,)


def test_a_batch_of_bad_records_has_no_scores(make_scorer: MakeScorer) -> None:
    batch = score(make_scorer(), records(list(BAD.values())))
    assert batch.scored == []
    assert len(batch.dead_letters) == len(BAD)
    assert batch.scores.shape == batch.coverage.shape == (0,)


FEW = b'{"lead_id": "few", "created_at": 1, "page_views": 2, "company_size": 3}'
"""Three of the model's six fields."""


def test_a_lead_of_which_little_is_known_is_scored_and_flagged(make_scorer: MakeScorer) -> None:
    batch = score(make_scorer(Rules(0.6, "flag")), records([FEW, lead()]))
    assert [event["low_coverage"] for event in events(batch)] == [True, False]
    assert [event["feature_coverage"] for event in events(batch)] == [0.5, 1.0]


def test_a_lead_of_which_little_is_known_is_refused_where_the_rules_say_so(
    make_scorer: MakeScorer,
) -> None:
    batch = score(make_scorer(Rules(0.6, "refuse")), records([FEW, lead(), FEW]))
    assert batch.positions == [1]
    assert len(batch.scored) == len(batch.scores) == len(batch.coverage) == 1
    assert [letter.code for letter in batch.dead_letters] == [ErrorCode.FEATURES] * 2
    message = dict(batch.dead_letters[0].output[2])["__connect.errors.exception.message"]
    assert message == (
        b"expected at least 60% of what a typical training lead has of the model's fields, by"
        b" number and by importance, got 50% and 50%: send more fields, or set"
        b" LEADSCORE_LOW_COVERAGE=flag"
    )


def test_a_lead_at_the_minimum_is_known_well_enough(make_scorer: MakeScorer) -> None:
    batch = score(make_scorer(Rules(0.5, "refuse")), records([FEW]))
    assert batch.positions == [0]


def test_an_event_that_its_topic_does_not_take_is_a_dead_letter(make_scorer: MakeScorer) -> None:
    given = records([lead("a"), lead("b" * 500), lead("c"), b"bad"])
    batch = score(
        make_scorer(),
        given,
        too_large=lambda outputs: [
            i for i, (key, *_) in enumerate(outputs) if len(key or b"") > 99
        ],
    )
    assert batch.positions == [0, 2]
    assert [event["lead_id"] for event in events(batch)] == ["a", "c"]
    assert [(letter.position, letter.code) for letter in batch.dead_letters] == [
        (1, ErrorCode.OUTPUT_TOO_LARGE),
        (3, ErrorCode.WIRE_FORMAT),
    ]
    assert batch.dead_letters[0].output[1] == given[1].value
    assert batch.scores.tolist() == [event["score"] for event in events(batch)]


def request_id(batch: ScoredBatch) -> str:
    [(_, _, headers)] = batch.scored
    [event] = events(batch)
    assert dict(headers)["x-request-id"] == event["request_id"].encode()
    return str(event["request_id"])


def test_the_request_id_is_the_headers_else_the_leads_else_made(make_scorer: MakeScorer) -> None:
    scorer = make_scorer()
    own = lead(request_id="own")
    given = [("X-Request-ID", b"given")]
    assert request_id(score(scorer, [Record(0, own, given)])) == "given"
    assert request_id(score(scorer, [Record(0, own)])) == "own"
    made = score(scorer, [Record(0, lead())])
    assert request_id(made) == events(made)[0]["event_id"]
    assert request_id(score(scorer, [Record(0, own, [("x-request-id", b"\xff")])])) == "own"


def test_the_headers_are_cloudevents_and_the_trace_continues(make_scorer: MakeScorer) -> None:
    trace = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    batch = score(make_scorer(), [Record(0, lead(), [trace, ("tracestate", b"a=b"), ("x", b"y")])])
    [(_, _, headers)] = batch.scored
    found = dict(headers)
    assert found == {
        "ce_specversion": b"1.0",
        "ce_type": b"leadscore.lead.scored.v1",
        "ce_source": b"/leadscore/leads.created",
        "ce_id": events(batch)[0]["event_id"].encode(),
        "ce_time": b"2027-01-15T08:00:00.000Z",
        "content-type": b"application/json",
        "x-request-id": events(batch)[0]["event_id"].encode(),
        "traceparent": trace[1],
        "tracestate": b"a=b",
    }


def test_headers_of_one_event_are_not_those_of_another(make_scorer: MakeScorer) -> None:
    batch = score(make_scorer(), records([lead("a"), lead("b")]))
    (_, _, first), (_, _, second) = batch.scored
    assert dict(first)["ce_id"] != dict(second)["ce_id"]
    assert len(first) == len(second) == 7


def test_a_score_of_the_future_has_no_negative_latency(make_scorer: MakeScorer) -> None:
    late = dataclasses.replace(records([lead()])[0], timestamp=SCORED_AT + 50)
    [event] = events(score(make_scorer(), [late]))
    assert event["latency_ms"] == 0


@pytest.mark.parametrize("timestamp", [-1, 0, SCORED_AT // 1000, SCORED_AT * 1000])
def test_an_implausible_time_stamp_gives_no_latency_of_decades(
    make_scorer: MakeScorer, timestamp: int
) -> None:
    record = dataclasses.replace(records([lead()])[0], timestamp=timestamp)
    [event] = events(score(make_scorer(), [record]))
    assert event["latency_ms"] == 0


def test_a_creation_in_1970_is_a_dead_letter_and_the_others_are_scored(
    make_scorer: MakeScorer,
) -> None:
    values = [lead("a"), lead("b", created_at=1000), b"?", lead("c", created_at=SCORED_AT * 2)]
    given = [
        dataclasses.replace(record, timestamp=SCORED_AT) for record in records([*values, lead("d")])
    ]
    batch = score(make_scorer(times=PlausibleTimes({})), given)
    assert [event["lead_id"] for event in events(batch)] == ["a", "d"]
    assert batch.positions == [0, 4]
    found = [(letter.position, letter.code) for letter in batch.dead_letters]
    assert found == [(1, ErrorCode.TIME), (2, ErrorCode.WIRE_FORMAT), (3, ErrorCode.TIME)]


def test_the_model_reads_the_matrix_that_the_encoder_makes(
    model: SmallModel, make_scorer: MakeScorer
) -> None:
    """Events and columns come to the same features."""
    scorer = make_scorer()
    features = scorer.features(scorer.decode(records(model.values())))
    metadata = model.bundle.metadata
    expected = FeatureEncoder(metadata.spec, metadata.reference).encode(
        model.columns, len(model.leads)
    )
    np.testing.assert_array_equal(features.matrix, expected.matrix)
    np.testing.assert_array_equal(features.bins, expected.bins)


def test_leads_of_several_partitions_are_scored_at_once_as_each_alone(
    make_scorer: MakeScorer,
) -> None:
    values = [lead("a"), b"?", lead("b", page_views=9), b"{}", lead("c", industry="finance")]
    parts = [records(values[:n], first=10 * n, partition=n) for n in (1, 5, 2, 4)]
    together = score(make_scorer(), [record for part in parts for record in part])
    split = together.split([len(part) for part in parts])
    for ours, part in zip(split, parts, strict=True):
        alone = score(make_scorer(), part)
        assert ours.scored == alone.scored
        assert ours.positions == alone.positions
        assert ours.dead_letters == alone.dead_letters
        for name in ("scores", "coverage", "timestamps"):
            assert getattr(ours, name).tolist() == getattr(alone, name).tolist()


# Loops: what a worker writes comes back to the source.


def copied(outputs: Sequence[Output], first: int = 1000) -> list[Record]:
    """Return outputs as they are in the source, where something copies them there."""
    return [
        Record(first + i, value, headers, key) for i, (key, value, headers) in enumerate(outputs)
    ]


def everything_of(batch: ScoredBatch) -> list[Output]:
    return [*batch.scored, *(letter.output for letter in batch.dead_letters)]


def test_a_lead_that_comes_back_as_its_scored_event_is_processed_a_bounded_number_of_times(
    make_scorer: MakeScorer,
) -> None:
    scorer = make_scorer(Rules(max_attempts=3))
    given, seen = records([lead()]), []
    for _ in range(10):
        batch = score(scorer, given)
        seen.append((len(batch.scored), batch.codes, batch.dropped))
        given = copied(everything_of(batch))
    last = Counter({ErrorCode.ATTEMPTS: 1})
    assert seen[:5] == [(1, {}, []), (1, {}, []), (1, {}, []), (0, last, []), (0, {}, [0])]
    assert seen[5:] == [(0, {}, [])] * 5


def test_a_dead_letter_that_comes_back_is_processed_a_bounded_number_of_times(
    make_scorer: MakeScorer,
) -> None:
    """One that was sent again without a change was multiplied to 840,416."""
    scorer = make_scorer(Rules(max_attempts=2))
    given, seen = records([b"no lead"]), []
    for _ in range(5):
        batch = score(scorer, given)
        seen.append((list(batch.codes), batch.dropped))
        given = copied(everything_of(batch))
    decode, attempts = ErrorCode.WIRE_FORMAT, ErrorCode.ATTEMPTS
    assert seen == [([decode], []), ([decode], []), ([attempts], []), ([], [0]), ([], [])]


def test_a_loop_through_the_smallest_dead_letters_ends_as_well(make_scorer: MakeScorer) -> None:
    """A topic that takes little gets letters without the source's headers."""
    scorer = make_scorer(Rules(max_attempts=2))
    given = records([b"no lead"])
    for _ in range(3):
        [letter] = score(scorer, given).dead_letters
        *_, smallest = forms_of(letter.output)
        given = copied([smallest])
    assert letter.code is ErrorCode.ATTEMPTS
    assert score(scorer, given).dropped == [0]


def test_a_record_that_says_to_have_had_many_attempts_is_a_dead_letter_and_not_dropped(
    make_scorer: MakeScorer,
) -> None:
    given = [Record(1, lead(), [("leadscore.attempt", b"999999999")]), Record(2, lead())]
    batch = score(make_scorer(), given)
    assert batch.codes == {ErrorCode.ATTEMPTS: 1}
    assert (batch.positions, batch.dropped) == ([1], [])


def test_the_last_dead_letter_is_scored_again_where_more_attempts_are_allowed(
    make_scorer: MakeScorer,
) -> None:
    [letter] = score(
        make_scorer(Rules(max_attempts=1)), [Record(1, lead(), [("leadscore.attempt", b"1")])]
    ).dead_letters
    assert letter.code is ErrorCode.ATTEMPTS
    batch = score(make_scorer(Rules(max_attempts=9)), copied([letter.output]))
    assert len(batch.scored) == 1


def test_dropped_records_are_reported_batch_by_batch(make_scorer: MakeScorer) -> None:
    scorer = make_scorer(Rules(max_attempts=1))
    looped = [("leadscore.attempt", b"5"), ("leadscore.error.code", b"ATTEMPTS")]
    headers: list[Headers] = [[], looped, [], looped, looped]
    batch = score(scorer, [Record(i, lead(), given) for i, given in enumerate(headers)])
    assert [part.dropped for part in batch.split([2, 1, 2])] == [[1], [], [0, 1]]
