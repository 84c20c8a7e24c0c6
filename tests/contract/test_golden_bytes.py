"""Bytes that others have written and read: a change here breaks them."""

import io
from dataclasses import replace
from typing import Any

import fastavro
import numpy as np
import orjson
import pytest
from fastavro.schema import fingerprint

from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.fields import FieldKind
from schemas.lead_outcome import LeadOutcome, OutcomeReader, encode_outcome
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec
from schemas.scored_event import ScoredModel, ScoredRows, scored_event
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore
from schemas.wire import FORMATS, WireFormat
from tests.contract.leads import FULL, least

GOLDEN = {
    ("lead_created", "full"): (
        "c3019c819942326b7db4064c2d31f681e682b966020a7265712d37020e68756273706f74020c737072696e67"
        "020e6f7267616e6963020000000000406f400210536f66747761726502000000000000284002000000000048"
        "7540020000000000a04440021e48656164206f66204772c3b6c39f6502106469726563746f72020449540208"
        "53616153020a4bc3b66c6e020c4265726c696e020a64652c656e021a4575726f70652f4265726c696e021c42"
        "75696c6473207468696e67732e020c48656c6c6f21"
    ),
    ("lead_created", "least"): "c3019c819942326b7db4064c2d31f681e682b966" + 19 * "00",
    ("bank_contact", "full"): (
        "c30120055d67ccdcd4271a636f6e746163742d303030303180caf884b74600020000000000004c400212686f"
        "7573656d616964020e6d617272696564021062617369632e347902046e6f02046e6f02046e6f021274656c65"
        "70686f6e6502066d617902066d6f6e02000000000000f03f020000000000388f400200000000000000000216"
        "6e6f6e6578697374656e74029a9999999999f13f02560e2db29d7f57400233333333333342c00221b0726891"
        "6d134002000000000047b440"
    ),
    ("bank_contact", "least"): (
        "c30120055d67ccdcd4271a636f6e746163742d303030303180caf884b746" + 20 * "00"
    ),
}
FINGERPRINTS = {
    "lead_created": "9c819942326b7db4",
    "bank_contact": "20055d67ccdcd427",
    "lead_scored": "aae9a8b5e78c73a4",
    "lead_outcome": "c005e99d606a0ad3",
}


@pytest.fixture(scope="module")
def store() -> SchemaStore:
    return SchemaStore.load()


def kinds_of(record: dict[str, Any]) -> dict[str, FieldKind]:
    return {
        name: FieldKind.NUMBER if isinstance(value, float) else FieldKind.CATEGORY
        for name, value in record.items()
        if name not in ("lead_id", "created_at", "request_id")
    }


def record_of(name: str, which: str) -> dict[str, Any]:
    return FULL[name] if which == "full" else least(name)


@pytest.mark.parametrize(("name", "expected"), FINGERPRINTS.items())
def test_a_contract_keeps_its_fingerprint(store: SchemaStore, name: str, expected: str) -> None:
    schema = store.by_name(name)
    assert schema is not None
    assert schema.fingerprint.hex() == expected


@pytest.mark.parametrize(
    ("schema", "number"),
    [
        ('"int"', 0x7275D51A3F395C8F),
        ('"string"', 0x8F014872634503C7),
        ('"null"', 0x63DD24E7CC258F8A),
    ],
)
def test_fingerprints_are_those_of_the_avro_specification(schema: str, number: int) -> None:
    found = bytes.fromhex(fingerprint(schema, "CRC-64-AVRO"))
    assert int.from_bytes(found, "little") == number


@pytest.mark.parametrize(("name", "which"), GOLDEN)
def test_a_lead_is_written_to_the_golden_bytes(store: SchemaStore, name: str, which: str) -> None:
    schema = store.by_name(name)
    assert schema is not None
    written = encode_lead(record_of(name, which), schema, WireFormat.AVRO)
    assert written.hex() == GOLDEN[name, which]


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
@pytest.mark.parametrize(("name", "which"), GOLDEN)
def test_the_golden_bytes_are_read_to_the_lead(
    store: SchemaStore, name: str, which: str, wire: WireFormat
) -> None:
    record = record_of(name, which)
    value = bytes.fromhex(GOLDEN[name, which]) if wire is WireFormat.AVRO else orjson.dumps(record)
    leads = LeadDecoder(store, kinds_of(FULL[name])).decode([value])
    assert not leads.errors
    assert leads.lead_ids == [record["lead_id"].encode()]
    assert leads.created_at == [record["created_at"]]
    given = record["request_id"]
    assert leads.request_ids == [given.encode() if given else None]
    for field, kind in kinds_of(FULL[name]).items():
        [found] = leads.columns[field]
        if kind is FieldKind.NUMBER and record[field] is None:
            assert np.isnan(found)
        else:
            assert found == record[field]


MODEL = ScoredModel(
    identity=ModelIdentity("leads", "3", "ab" * 32),
    engine="onnx",
    calibration_method="platt",
    slope=0.5,
    intercept=-0.25,
    high=0.7,
    medium=0.4,
    label=0.5,
    reason_texts=(("age", "under 30"), ("age", "missing"), ("job", "admin.")),
    topic="leads.created",
)
ROWS = ScoredRows(
    event_ids=[b"0123456789abcdef-1-42"],
    lead_ids=[b"L-1"],
    request_ids=[b"req-7"],
    created_at=np.array([1_760_000_000_123]),
    timestamps=np.array([1_760_000_000_990]),
    partitions=[1],
    offsets=np.array([42]),
    scored_at=1_760_000_001_000,
    probability=np.array([0.75], np.float32),
    coverage=np.array([0.5], np.float32),
    low_coverage=np.array([True]),
    reason_code=np.array([[2, 1]], np.int32),
    reason_value=np.array([[0.5, -0.25]], np.float32),
)
SCORED = {
    "event_id": "0123456789abcdef-1-42",
    "lead_id": "L-1",
    "request_id": "req-7",
    "created_at": 1_760_000_000_123,
    "scored_at": 1_760_000_001_000,
    "latency_ms": 10,
    "score": 0.75,
    "category": "High",
    "label": "engaged",
    "confidence": 0.25,
    "feature_coverage": 0.5,
    "low_coverage": True,
    "reasons": [
        {"feature": "job", "value": "admin.", "contribution": 0.5},
        {"feature": "age", "value": "missing", "contribution": -0.25},
    ],
    "model_id": "leads",
    "model_version": "3",
    "model_sha256": "ab" * 32,
    "engine": "onnx",
    "calibration": {"method": "platt", "slope": 0.5, "intercept": -0.25},
    "schema_version": "v1",
    "contract_version": 1,
    "source": {"topic": "leads.created", "partition": 1, "offset": 42},
    "replay_id": None,
}
SCORED_AVRO = (
    "c301aae9a8b5e78c73a42a303132333435363738396162636465662d312d3432064c2d310a7265712d37"
    "f681e682b966d08fe682b96614000000000000e83f08486967680e656e6761676564000000000000d03f"
    "000000000000e03f0104066a6f620c61646d696e2e000000000000e03f066167650e6d697373696e6700"
    "0000000000d0bf000a6c6561647302338001" + "6162" * 32 + "086f6e6e780a706c617474"
    "000000000000e03f000000000000d0bf0476310" + "2" + "1a6c656164732e63726561746564025400"
)
SCORED_BEFORE = SCORED_AVRO.replace("aae9a8b5e78c73a4", "8a5272a95fab9ebf")[:-2]
"""The event as the release before replays wrote it: without the last byte, the null."""


def test_a_score_is_written_to_the_golden_bytes() -> None:
    [event] = FORMATS[WireFormat.AVRO].scored_writer(scored_event(), MODEL).write(ROWS)
    assert event.hex() == SCORED_AVRO


def test_the_golden_bytes_of_a_score_are_read_by_any_avro_library(store: SchemaStore) -> None:
    schema = store.by_name("lead_scored")
    assert schema is not None
    body = io.BytesIO(bytes.fromhex(SCORED_AVRO)[HEADER_BYTES:])
    assert fastavro.schemaless_reader(body, schema.parsed, None) == SCORED
    assert not body.read()


def test_the_golden_bytes_of_the_release_before_are_read_as_no_replay() -> None:
    assert RecordCodec("lead_scored").decode(bytes.fromhex(SCORED_BEFORE)) == SCORED


def test_a_replayed_score_names_its_replay() -> None:
    model = replace(MODEL, replay_id="r1")
    [event] = FORMATS[WireFormat.AVRO].scored_writer(scored_event(), model).write(ROWS)
    assert event.hex() == SCORED_AVRO[:-2] + "02" + "04" + b"r1".hex()
    assert RecordCodec("lead_scored").decode(event) == SCORED | {"replay_id": "r1"}
    [event] = FORMATS[WireFormat.JSON].scored_writer(scored_event(), model).write(ROWS)
    assert orjson.loads(event) == SCORED | {"replay_id": "r1"}


def test_a_score_as_json_says_the_same() -> None:
    [event] = FORMATS[WireFormat.JSON].scored_writer(scored_event(), MODEL).write(ROWS)
    assert orjson.loads(event) == SCORED


OUTCOME = {
    "lead_id": "L-1",
    "outcome": "converted",
    "value": "1990.00",
    "currency": "EUR",
    "occurred_at": 1_760_000_000_123,
    "request_id": "req-7",
}
OUTCOME_AVRO = (
    "c301c005e99d606a0ad3064c2d3112636f6e766572746564020e313939302e30300206455552f681e682b966"
    "020a7265712d37"
)
LEAST_OUTCOME_AVRO = "c301c005e99d606a0ad3064c2d31086c6f73740000f681e682b96600"


def test_an_outcome_is_written_to_the_golden_bytes_and_read_from_them(store: SchemaStore) -> None:
    read = OutcomeReader(store).read
    least = {"lead_id": "L-1", "outcome": "lost", "occurred_at": 1_760_000_000_123}
    full = LeadOutcome("L-1", "converted", 1_760_000_000_123, 19_900_000, "EUR", "req-7")
    for record, avro, expected in (
        (OUTCOME, OUTCOME_AVRO, full),
        (least, LEAST_OUTCOME_AVRO, LeadOutcome("L-1", "lost", 1_760_000_000_123)),
    ):
        assert encode_outcome(record).hex() == avro
        assert read(bytes.fromhex(avro), 1_760_000_000_999) == expected
        assert read(orjson.dumps(record), 1_760_000_000_999) == expected
