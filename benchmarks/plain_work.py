"""The workload in a plain program, for all contenders in Python except LeadScore.

fastavro reads and a few lines write. Between them is either a row filled from dictionaries and one
model call an event, or columns, LeadScore's own `FeatureEncoder` and one model call a batch. Where
it is asked for, LeadScore's generated decoder reads the events in place of fastavro.

A program that imports this needs fastavro, NumPy, ONNX Runtime and pydantic, no Kafka client.
"""

from __future__ import annotations

import io
import math
import os
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from features.field_spec import CategoryField, FieldSpec, NumberField, TextField, normalise_level
from features.matrix import FeatureEncoder
from model.metadata import METADATA_KEY, BundleMetadata
from schemas.avro_reader import compile_reader
from schemas.decode import LeadDecoder
from schemas.formats.event_format import DecodedRow
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore

__all__ = ["Position", "Work", "WorkOrder", "work_order"]

NAN = math.nan
REASONS = ("reason_field", "reason_value")
MIN_COVERAGE = 0.6


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """Settings of a contender.

    Attributes
    ----------
    bootstrap, source, target, group
        Broker, topics and consumer group.
    model, sha256
        The model's file; the identity of LeadScore's model, which goes into the events.
    decoder
        "fastavro", or "leadscore" for LeadScore's generated decoder.
    batch
        Most events of a batch, if the contender works in batches.
    linger_ms
        Linger time of the producer.
    folder
        Folder for its files.
    """

    bootstrap: str
    source: str
    target: str
    group: str
    model: Path
    sha256: str
    decoder: str
    batch: int
    linger_ms: int
    folder: Path


def work_order() -> WorkOrder:
    """Read the settings from the environment."""
    given = os.environ
    return WorkOrder(
        given["BENCH_BOOTSTRAP"],
        given["BENCH_SOURCE"],
        given["BENCH_TARGET"],
        given["BENCH_GROUP"],
        Path(given["BENCH_MODEL"]),
        given["BENCH_MODEL_SHA256"],
        given.get("BENCH_DECODER", "fastavro"),
        int(given.get("BENCH_BATCH", "500")),
        int(given.get("BENCH_LINGER_MS", "5")),
        Path(given["BENCH_FOLDER"]),
    )


class Position(NamedTuple):
    """Position of an event's record.

    Attributes
    ----------
    partition, offset
        The place of its record.
    timestamp
        Time stamp of its record, milliseconds since 1970.
    """

    partition: int
    offset: int
    timestamp: int


class Work:
    """From events to scored events.

    Parameters
    ----------
    order
        Settings of the contender.
    """

    def __init__(self, order: WorkOrder) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            order.model.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._outputs = [n for n in ("probability", *REASONS) if n in self._outputs]
        text = self._session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        metadata = BundleMetadata.from_json(text)
        self._spec = metadata.spec
        self._rows = [_row_writer(field) for field in metadata.spec.fields]
        self._encoder = FeatureEncoder(metadata.spec, metadata.reference)
        self._events = _EventWriter(order, metadata)
        store = SchemaStore.load()
        lead = store.add(metadata.contract, "the model's contract")
        self._lead = lead.parsed
        self._generated = order.decoder == "leadscore"
        self._decoder = LeadDecoder(store, metadata.spec.kinds, keeps_bytes=True)
        self._decoder.prepare()
        self._read_row = compile_reader(lead, metadata.spec.kinds)

    def score(self, value: bytes, position: Position) -> tuple[bytes, bytes]:
        """Score one event; return the key and the value of the scored event."""
        lead_id, created_at, values = self._one(value)
        row: list[float] = []
        for write, field in zip(self._rows, values, strict=True):
            row += write(field)
        outputs = self._run(np.array([row], dtype=np.float32))
        present = sum(field is not None for field in values)
        return self._events.write(
            lead_id, created_at, present, position, float(outputs[0][0, 0]), _reasons(outputs, 0)
        )

    def score_batch(
        self, values: Sequence[bytes], positions: Sequence[Position]
    ) -> list[tuple[bytes, bytes]]:
        """Score a batch; return key and value of each scored event, in order."""
        if self._generated:
            leads = self._decoder.decode(values)
            lead_ids = [lead_id.decode() for lead_id in leads.lead_ids]
            created_at, columns = leads.created_at.tolist(), leads.columns
        else:
            read = [self._read(value) for value in values]
            lead_ids = [lead["lead_id"] for lead in read]
            created_at = [lead["created_at"] for lead in read]
            columns = {}
            for field in self._spec.fields:
                column = [lead[field.name] for lead in read]
                numbers = isinstance(field, NumberField)
                columns[field.name] = np.array(column, dtype=np.float64) if numbers else column
        features = self._encoder.encode(columns, len(values))
        outputs = self._run(features.matrix)
        present = np.rint(features.coverage * len(self._spec.fields)).astype(int).tolist()
        write = self._events.write
        return [
            write(lead_ids[i], created_at[i], present[i], position, score, _reasons(outputs, i))
            for i, (position, score) in enumerate(
                zip(positions, outputs[0][:, 0].tolist(), strict=True)
            )
        ]

    def _one(self, value: bytes) -> tuple[str, int, Sequence[Any]]:
        if self._generated:
            rows: list[DecodedRow | None] = [None]
            self._read_row([value], [0], rows, {})
            assert rows[0] is not None
            return rows[0][0], rows[0][1], rows[0][3:]
        lead = self._read(value)
        values = [lead[field.name] for field in self._spec.fields]
        return lead["lead_id"], lead["created_at"], values

    def _read(self, value: bytes) -> dict[str, Any]:
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        lead: dict[str, Any] = fastavro.schemaless_reader(body, self._lead, None)
        return lead

    def _run(self, matrix: NDArray[np.float32]) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = self._session.run(self._outputs, {"features": matrix})
        return found


def _row_writer(field: FieldSpec) -> Callable[[Any], list[float]]:
    """Return a function that converts a value to the field's columns."""
    missing = [NAN] * len(field.columns)
    if isinstance(field, NumberField):
        return lambda value: [NAN if value is None else value]
    if isinstance(field, TextField):
        keywords = field.keywords

        def text(value: str | None) -> list[float]:
            if value is None:
                return missing
            folded = value.casefold()
            return [len(value), len(folded.split()), *(float(k in folded) for k in keywords)]

        return text
    assert isinstance(field, CategoryField)
    levels = {level: _level(field, i) for i, level in enumerate(field.levels)}
    unseen = [field.prior] if field.encoding == "target" else [0.0] * len(field.levels)
    return lambda value: (
        missing if value is None else levels.get(normalise_level(value) or "", unseen)
    )


def _level(field: CategoryField, index: int) -> list[float]:
    if field.encoding == "target":
        return [field.values[index]]
    return [float(i == index) for i in range(len(field.levels))]


def _reasons(outputs: Sequence[NDArray[Any]], row: int) -> list[tuple[int, float]]:
    if len(outputs) == 1:
        return []
    fields, values = outputs[1][row].tolist(), outputs[2][row].tolist()
    return [(field, value) for field, value in zip(fields, values, strict=True) if value]


class _EventWriter:
    """Encodes scored events; fastavro encodes the constant parts once.

    fastavro takes about 10 µs for one such event. A program that is optimised for speed would avoid
    that, so the contenders do too.
    """

    def __init__(self, order: WorkOrder, metadata: BundleMetadata) -> None:
        schema = SchemaStore.load().by_name("lead_scored")
        assert schema is not None
        self._schema = schema
        self._header = schema.header
        self._fields = list(metadata.spec.kinds)
        self._names = [_string(name.encode()) for name in self._fields]
        limits = metadata.thresholds
        self._high, self._medium, self._label = limits.high, limits.medium, limits.label
        self._prefix = order.sha256[:16]
        self._model = self._constant(
            model_id="benchmark",
            model_version="1",
            model_sha256=order.sha256,
            engine="onnx",
            calibration=metadata.calibration.model_dump(),
            schema_version="v1",
            contract_version=1,
        ) + _string(order.source.encode())

    def write(
        self,
        lead_id: str,
        created_at: int,
        present: int,
        position: Position,
        score: float,
        reasons: Sequence[tuple[int, float]],
    ) -> tuple[bytes, bytes]:
        partition, offset, timestamp = position
        now = int(time.time() * 1000)
        identity = _string(f"{self._prefix}-{partition}-{offset}".encode())
        key = lead_id.encode()
        coverage = present / len(self._fields)
        high, medium = self._high, self._medium
        return key, b"".join(
            (
                *(self._header, identity, _string(key), identity),
                *(_long(created_at), _long(now), _long(max(0, now - timestamp))),
                _double(score),
                HIGH if score >= high else MEDIUM if score >= medium else LOW,
                ENGAGED if score > self._label else NOT_ENGAGED,
                _double(coverage * abs(2 * score - 1)),
                _double(coverage),
                b"\1" if coverage < MIN_COVERAGE else b"\0",
                self._reasons(reasons) if reasons else NO_REASONS,
                *(self._model, _long(partition), _long(offset), NO_REPLAY),
            )
        )

    def _reasons(self, reasons: Sequence[tuple[int, float]]) -> bytes:
        items = [self._names[field] + NO_VALUE + _double(value) for field, value in reasons]
        return b"".join((_long(len(items)), *items, NO_REASONS))

    def _constant(self, **values: Any) -> bytes:
        fields = [f for f in self._schema.parsed["fields"] if f["name"] in values]
        part = {"type": "record", "name": "part", "fields": fields}
        body = io.BytesIO()
        fastavro.schemaless_writer(body, part, values)
        return body.getvalue()


SHORT = tuple(bytes((number << 1,)) for number in range(64))


def _long(value: int) -> bytes:
    """Encode a non-negative Avro long: zigzag, seven bits a byte."""
    if value < len(SHORT):
        return SHORT[value]
    left = value << 1
    found = bytearray()
    while left > 0x7F:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


def _string(value: bytes) -> bytes:
    return _long(len(value)) + value


_double = struct.Struct("<d").pack

HIGH, MEDIUM, LOW = _string(b"High"), _string(b"Medium"), _string(b"Low")
ENGAGED, NOT_ENGAGED = _string(b"engaged"), _string(b"not_engaged")
NO_REASONS = NO_VALUE = b"\0"
"""The end of an array, and an empty string."""
NO_REPLAY = b"\0"
"""Null, the first branch of a union."""
