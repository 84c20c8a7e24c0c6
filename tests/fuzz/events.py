"""Events: their wire format, their schemas, the decoder, and the whole way to a scored event."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson

from agents.rules import Rules
from agents.scoring import Scorer
from features.matrix import FeatureEncoder
from model.serving.onnx_runtime import OnnxPredictor
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import ErrorCode, InputError
from schemas.field_names import ENVELOPE
from schemas.fields import FieldKind
from schemas.formats import avro_leads
from schemas.scored_event import ScoredModel
from schemas.single_object import AVRO_MARKER, HEADER_BYTES
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat
from tests.contract.leads import ALL_TYPES, ALL_TYPES_LEAD, FULL, least
from tests.contract.plain_reader import Outcome, plain_outcome
from tests.fuzz.target import Feed, Shape, Target
from tests.unit.small_model import SmallModel, small_model

__all__ = ["DECODER", "SCHEMAS", "SCORING"]

KINDS = {
    "flag": FieldKind.CATEGORY,
    "kind": FieldKind.CATEGORY,
    "ratio": FieldKind.NUMBER,
    "count": FieldKind.DATE,
    "amount": FieldKind.NUMBER,
    "title": FieldKind.TEXT,
    "company_size": FieldKind.NUMBER,
    "page_views": FieldKind.NUMBER,
    "industry": FieldKind.CATEGORY,
    "summary": FieldKind.TEXT,
}
MAX_BYTES = 2048
WRITTEN = (WireFormat.AVRO, WireFormat.JSON)
"""The formats that need no schema registry."""
SCORED_AT = 1_800_000_000_000


@contextmanager
def _few_by_column() -> Iterator[None]:
    """Read two records of a schema by column; as shipped it takes more to be worth while."""
    before = avro_leads.COLUMNS_FROM
    avro_leads.COLUMNS_FROM = 2
    try:
        yield
    finally:
        avro_leads.COLUMNS_FROM = before


def _facts(leads: DecodedLeads, row: int) -> Outcome:
    """Result of one record of a batch."""
    for position, verdict in leads.errors:
        if position == row:
            assert verdict.message
            return verdict.code
    at = leads.positions.index(row)
    cells = [leads.lead_ids[at], leads.created_at[at], leads.request_ids[at]]
    cells += [column[at] for column in leads.columns.values()]
    plain = [None if isinstance(cell, float) and np.isnan(cell) else cell for cell in cells]
    return tuple(cell.decode() if isinstance(cell, bytes) else cell for cell in plain)


def _checked(store: SchemaStore, kinds: Mapping[str, FieldKind], value: bytes) -> None:
    """Decode a value alone and by column, and by the plain reader where it is Avro."""
    alone = LeadDecoder(store, kinds, max_bytes=MAX_BYTES)
    _check(store, kinds, value, alone, LeadDecoder(store, kinds, keeps_bytes=True))


def _check(
    store: SchemaStore,
    kinds: Mapping[str, FieldKind],
    value: bytes,
    alone: LeadDecoder,
    by_column: LeadDecoder,
) -> None:
    outcome = _facts(alone.decode([value]), 0)
    if outcome is ErrorCode.TOO_LARGE:
        assert len(value) > MAX_BYTES
        return
    together = by_column.decode([value, value, None])
    assert len(together.positions) + len(together.errors) == 3
    assert _facts(together, 0) == _facts(together, 1) == outcome
    schema = store.by_fingerprint(value[2:HEADER_BYTES]) if value[:2] == AVRO_MARKER else None
    if schema is not None and len(value) >= HEADER_BYTES:
        expected = plain_outcome(schema, kinds, value)
        assert outcome == expected, f"read {outcome}, the plain reader reads {expected}"


@contextmanager
def _decoder() -> Iterator[Feed]:
    store = SchemaStore.load()
    store.add(ALL_TYPES)
    alone = LeadDecoder(store, KINDS, max_bytes=MAX_BYTES)
    by_column = LeadDecoder(store, KINDS, max_bytes=MAX_BYTES, keeps_bytes=True)
    alone.prepare()

    with _few_by_column():
        yield lambda value: _check(store, KINDS, value, alone, by_column)


def _event_seeds() -> list[bytes]:
    store = SchemaStore.load()
    everything = store.add(ALL_TYPES)
    contracts = {name: store.by_name(name) for name in FULL}
    seeds = [encode_lead(ALL_TYPES_LEAD, everything, WireFormat.AVRO)]
    for name, schema in contracts.items():
        assert isinstance(schema, Schema)
        for lead in (FULL[name], least(name)):
            seeds += [
                encode_lead(lead, schema, wire) for wire in (WireFormat.AVRO, WireFormat.JSON)
            ]
    json_lead = {
        "lead_id": "j",
        "created_at": "2024-05-31T09:30:00+02:00",
        "flag": True,
        "ratio": 1,
    }
    return [*seeds, orjson.dumps(json_lead), b"\x00\x00\x00\x00\x07abc", b" \n{}", b"\xc3\x01"]


DECODER = Target("decoder", _decoder, _event_seeds, longest=MAX_BYTES + 64)


def _fuzz_schema(value: bytes) -> None:
    """Check ``[schema, datum in hex]``: a schema is refused, or reads any datum correctly."""
    try:
        avro, datum = json.loads(value)
        body = bytes.fromhex(datum)
    except (ValueError, TypeError, RecursionError):
        return
    store = SchemaStore()
    try:
        schema = store.add(avro)
        schema.require_lead()
    except InputError:
        return
    kinds = {
        name: list(FieldKind)[i % 4] for i, name in enumerate(schema.fields) if name not in ENVELOPE
    }
    _checked(store, kinds, schema.header + body)


@contextmanager
def _schemas() -> Iterator[Feed]:
    with _few_by_column():
        yield _fuzz_schema


def _schema_seeds() -> list[bytes]:
    store = SchemaStore.load()
    seeds = []
    pairs: list[tuple[Schema, Any]] = [(store.add(ALL_TYPES), ALL_TYPES_LEAD)]
    for name in FULL:
        schema = store.by_name(name)
        assert schema is not None
        pairs.append((schema, FULL[name]))
    for schema, lead in pairs:
        datum = encode_lead(lead, schema, WireFormat.AVRO)[HEADER_BYTES:]
        seeds.append(orjson.dumps([schema.avro, datum.hex()]))
    return seeds


SCHEMAS = Target("schemas", _schemas, _schema_seeds, Shape.JSON, longest=16_384)


@dataclass(frozen=True, slots=True)
class _Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    partition: int = 2


def _record(given: bytes) -> _Record:
    """Cut an input: 8 bytes of time stamp, headers, the value."""
    (timestamp,) = struct.unpack("<q", given[:8].ljust(8, b"\x00"))
    written, _, value = given[8:].partition(b"\x1d")
    headers = []
    for header in written.split(b"\x1e"):
        name, _, content = header.partition(b"\x1f")
        headers.append((name.decode("utf-8", "replace"), content or None))
    return _Record(7, timestamp, None, value, headers)


def _scorer(model: SmallModel, wire: WireFormat) -> Scorer:
    bundle = model.bundle
    metadata = bundle.metadata
    labels = metadata.reason_labels()
    scored = ScoredModel(
        identity=bundle.identity,
        engine="onnx",
        calibration_method="platt",
        slope=metadata.calibration.slope,
        intercept=metadata.calibration.intercept,
        high=0.7,
        medium=0.4,
        label=0.5,
        reason_texts=labels.texts,
        topic="leads.created",
    )
    return Scorer(
        scored,
        decoder=LeadDecoder(
            SchemaStore.load(), metadata.spec.kinds, max_bytes=MAX_BYTES, keeps_bytes=True
        ),
        encoder=FeatureEncoder(metadata.spec, metadata.reference),
        predictor=OnnxPredictor(bundle.files["model.onnx"]),
        labels=labels,
        rules=Rules(),
        wire=wire,
    )


def _score(scorer: Scorer, records: Sequence[_Record]) -> None:
    read = scorer.decode(records)
    features = scorer.features(read)
    prediction = scorer.predict(features)
    assert np.isfinite(prediction.probability).all()
    scorer.counted(read, features, prediction)
    batch = scorer.outputs(read, features, prediction, scored_at=SCORED_AT, too_large=lambda _: ())
    assert len(batch.scored) + len(batch.dead_letters) == len(records)
    for output in (*batch.scored, *(letter.output for letter in batch.dead_letters)):
        for name, content in output[2]:
            assert isinstance(name, str)
            assert content is None or isinstance(content, bytes)


@contextmanager
def _scoring() -> Iterator[Feed]:
    with TemporaryDirectory() as folder, _few_by_column():
        model = small_model(Path(folder))
        scorers = [_scorer(model, wire) for wire in WRITTEN]
        good = _Record(6, 0, b"k", model.values()[0], [])

        def feed(given: bytes) -> None:
            record = _record(given)
            for scorer in scorers:
                _score(scorer, [good, record, replace(record, offset=8)])

        yield feed


def _record_seeds() -> list[bytes]:
    now = struct.pack("<q", SCORED_AT)
    headers = b"traceparent\x1f00-ab-cd-01\x1ex-request-id\x1fr7\x1eleadscore.attempt\x1f3\x1d"
    return [now + headers + value for value in _event_seeds()]


SCORING = Target("scoring", _scoring, _record_seeds, longest=MAX_BYTES + 256)
