"""Leads and scored leads to bytes.

``ScoredEncoder`` writes many events of one model: what they share is encoded once, numbers are
encoded for the whole batch at once, and an event is one join. The bytes are those of fastavro.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import orjson
from fastavro.validation import ValidationError, validate
from numpy.typing import NDArray

from schemas.errors import InputError
from schemas.logical_types import as_written
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat

try:
    from schemas import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["ScoredEncoder", "ScoredModel", "ScoredRows", "encode_lead"]

SCHEMA_VERSION = "v1"
CONTRACT_VERSION = 1
CATEGORIES = ("Low", "Medium", "High")
LABELS = ("not_engaged", "engaged")


def encode_lead(record: Mapping[str, Any], schema: Schema, wire: WireFormat) -> bytes:
    """Write a lead, as a CRM does.

    Parameters
    ----------
    record
        The fields by name, as they are read: times in milliseconds since 1970, times of day in
        milliseconds, decimals as numbers, UUIDs as text.
    schema
        The lead's contract.
    wire
        Avro single-object encoding or JSON.

    Raises
    ------
    InputError
        The record does not fit the schema.
    """
    try:
        written = _as_written(record, schema)
        if wire is WireFormat.JSON:
            validate(written, schema.parsed)
            return orjson.dumps(record)
        body = io.BytesIO()
        body.write(schema.header)
        fastavro.schemaless_writer(body, schema.parsed, written)
        return body.getvalue()
    except ValidationError as error:
        misfits = "; ".join(map(str, error.errors))
        raise InputError(f"the lead does not fit {schema.full_name}: {misfits}") from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InputError(f"the lead does not fit {schema.full_name}: {error}") from None


def _as_written(record: Mapping[str, Any], schema: Schema) -> Mapping[str, Any]:
    """Return the record's values as the schema's types have them."""
    written = {
        name: as_written(record[name], meaning, avro_type)
        for name, (meaning, avro_type) in schema.unlike.items()
        if record.get(name) is not None
    }
    return {**record, **written} if written else record


@dataclass(frozen=True, slots=True)
class ScoredModel:
    """What all scored events of a model share.

    Attributes
    ----------
    model_id, model_version, model_sha256, engine
        The model and what computes it.
    calibration_method, slope, intercept
        From its logit to the score.
    high, medium, label
        Thresholds of the category and of the label.
    reason_texts
        By code of a reason: its field, and what is said of the field's value.
    topic
        Where the leads come from.
    """

    model_id: str
    model_version: str
    model_sha256: str
    engine: str
    calibration_method: str
    slope: float
    intercept: float
    high: float
    medium: float
    label: float
    reason_texts: Sequence[tuple[str, str]]
    topic: str


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """What is said of n leads.

    Attributes
    ----------
    event_ids, lead_ids, request_ids
        n each, in UTF-8.
    created_at, timestamps
        int64, shape (n,): the leads' and their records' times, milliseconds since 1970; a record
        whose time stamp is implausible has ``scored_at``.
    partitions
        n integers: where the leads come from.
    offsets
        int64, shape (n,): and which of its records they are.
    scored_at
        Milliseconds since 1970.
    probability, coverage
        float32, shape (n,).
    low_coverage
        bool, shape (n,): whether too little is known of the lead.
    reason_code, reason_value
        int32 and float32, shape (n, k): what moved the score most, and by how much; 0 is no reason.
    """

    event_ids: list[bytes]
    lead_ids: list[bytes]
    request_ids: list[bytes]
    created_at: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    partitions: Sequence[int]
    offsets: NDArray[np.int64]
    scored_at: int
    probability: NDArray[np.float32]
    coverage: NDArray[np.float32]
    low_coverage: NDArray[np.bool_]
    reason_code: NDArray[np.int32]
    reason_value: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What is computed of the rows, as Avro's doubles and longs."""

    latency_ms: NDArray[np.int64]
    score: NDArray[np.float64]
    category: NDArray[np.intp]
    label: NDArray[np.intp]
    confidence: NDArray[np.float64]
    coverage: NDArray[np.float64]


class ScoredEncoder:
    """Writes scored events of one model.

    Parameters
    ----------
    model
        What they share.
    wire
        Avro single-object encoding or JSON.
    """

    def __init__(self, model: ScoredModel, wire: WireFormat) -> None:
        schema = SchemaStore.load().by_name("lead_scored")
        assert schema is not None
        self._model = model
        self._is_json = wire is WireFormat.JSON
        self._header = schema.header
        self._shared = self._encode_shared()
        self._verdicts = [
            _text(category) + _text(label) for category in CATEGORIES for label in LABELS
        ]
        self._reason_heads = [_text(name) + _text(value) for name, value in model.reason_texts]
        self._bounds = np.array([model.medium, model.high, model.label])
        self._topic = _text(model.topic)

    def encode(self, rows: ScoredRows) -> list[bytes]:
        """Write the events of a batch.

        Parameters
        ----------
        rows
            What is said of each lead.

        Returns
        -------
        list of bytes
            The events, in order.
        """
        if self._is_json:
            return self._as_json(rows, self._numbers(rows))
        if _compiled is None:
            return self._as_avro(rows, self._numbers(rows))
        return _compiled.write_events(
            self._header,
            self._tails(rows.partitions),
            rows.event_ids,
            rows.lead_ids,
            rows.request_ids,
            rows.created_at,
            rows.timestamps,
            rows.offsets,
            rows.scored_at,
            rows.probability,
            rows.coverage,
            rows.low_coverage.view(np.uint8),
            self._bounds,
            self._verdicts,
            rows.reason_code,
            rows.reason_value,
            self._reason_heads,
        )

    def _numbers(self, rows: ScoredRows) -> _Numbers:
        model = self._model
        score = rows.probability.astype(np.float64)
        coverage = rows.coverage.astype(np.float64)
        return _Numbers(
            latency_ms=np.maximum(rows.scored_at - rows.timestamps, 0),
            score=score,
            category=(score >= model.medium).astype(np.intp) + (score >= model.high),
            label=(score > model.label).astype(np.intp),
            confidence=coverage * (2.0 * np.abs(score - 0.5)),
            coverage=coverage,
        )

    # Avro

    def _encode_shared(self) -> bytes:
        model = self._model
        return b"".join(
            [
                _text(model.model_id),
                _text(model.model_version),
                _text(model.model_sha256),
                _text(model.engine),
                _text(model.calibration_method),
                _doubles(np.array([model.slope, model.intercept])),
                _text(SCHEMA_VERSION),
                _long(CONTRACT_VERSION),
            ]
        )

    def _as_avro(self, rows: ScoredRows, numbers: _Numbers) -> list[bytes]:
        scored_at = _long(rows.scored_at)
        header, verdicts = self._header, self._verdicts
        sizes = _trust_bytes(numbers, rows.low_coverage)
        scores = _doubles(numbers.score)
        return [
            b"".join(
                (
                    header,
                    event_size,
                    event_id,
                    lead_size,
                    lead_id,
                    request_size,
                    request_id,
                    created_at,
                    scored_at,
                    latency,
                    scores[8 * i : 8 * i + 8],
                    verdicts[verdict],
                    sizes[17 * i : 17 * i + 17],
                    reasons,
                    tail,
                    offset,
                )
            )
            for i, (
                event_size,
                event_id,
                lead_size,
                lead_id,
                request_size,
                request_id,
                created_at,
                latency,
                verdict,
                reasons,
                tail,
                offset,
            ) in enumerate(
                zip(
                    _sizes(rows.event_ids),
                    rows.event_ids,
                    _sizes(rows.lead_ids),
                    rows.lead_ids,
                    _sizes(rows.request_ids),
                    rows.request_ids,
                    _longs(rows.created_at),
                    _longs(numbers.latency_ms),
                    (numbers.category * len(LABELS) + numbers.label).tolist(),
                    self._avro_reasons(rows),
                    self._tails(rows.partitions),
                    _longs(rows.offsets),
                    strict=True,
                )
            )
        ]

    def _tails(self, partitions: Sequence[int]) -> list[bytes]:
        """Write what comes between the reasons and the offset of each event."""
        shared = self._shared + self._topic
        tails = {number: shared + _long(number) for number in set(partitions)}
        return [*map(tails.__getitem__, partitions)]

    def _avro_reasons(self, rows: ScoredRows) -> list[bytes]:
        n, k = rows.reason_code.shape
        if not k:
            return [b"\0"] * n
        heads = [*map(self._reason_heads.__getitem__, rows.reason_code.ravel().tolist())]
        values = _doubles(rows.reason_value.astype(np.float64))
        items = [head + values[8 * j : 8 * j + 8] for j, head in enumerate(heads)]
        has = rows.reason_value != 0
        count = _long(k)
        if has.all():
            return [b"".join((count, *items[j : j + k], b"\0")) for j in range(0, n * k, k)]
        return [
            _array(
                [item for item, is_one in zip(items[i * k : i * k + k], row, strict=True) if is_one]
            )
            for i, row in enumerate(has.tolist())
        ]

    # JSON

    def _as_json(self, rows: ScoredRows, numbers: _Numbers) -> list[bytes]:
        model = self._model
        shared = {
            "model_id": model.model_id,
            "model_version": model.model_version,
            "model_sha256": model.model_sha256,
            "engine": model.engine,
            "calibration": {
                "method": model.calibration_method,
                "slope": model.slope,
                "intercept": model.intercept,
            },
            "schema_version": SCHEMA_VERSION,
            "contract_version": CONTRACT_VERSION,
        }
        return [
            orjson.dumps(
                {
                    "event_id": rows.event_ids[i].decode(),
                    "lead_id": rows.lead_ids[i].decode(),
                    "request_id": rows.request_ids[i].decode(),
                    "created_at": created_at,
                    "scored_at": rows.scored_at,
                    "latency_ms": latency,
                    "score": score,
                    "category": CATEGORIES[category],
                    "label": LABELS[label],
                    "confidence": confidence,
                    "feature_coverage": coverage,
                    "low_coverage": low,
                    "reasons": self._json_reasons(rows, i),
                    **shared,
                    "source": {
                        "topic": model.topic,
                        "partition": rows.partitions[i],
                        "offset": offset,
                    },
                }
            )
            for i, (
                created_at,
                offset,
                latency,
                score,
                category,
                label,
                confidence,
                coverage,
                low,
            ) in enumerate(
                zip(
                    rows.created_at.tolist(),
                    rows.offsets.tolist(),
                    numbers.latency_ms.tolist(),
                    numbers.score.tolist(),
                    numbers.category.tolist(),
                    numbers.label.tolist(),
                    numbers.confidence.tolist(),
                    numbers.coverage.tolist(),
                    rows.low_coverage.tolist(),
                    strict=True,
                )
            )
        ]

    def _json_reasons(self, rows: ScoredRows, i: int) -> list[dict[str, Any]]:
        texts = self._model.reason_texts
        return [
            {"feature": texts[code][0], "value": texts[code][1], "contribution": value}
            for code, value in zip(
                rows.reason_code[i].tolist(), rows.reason_value[i].tolist(), strict=True
            )
            if value
        ]


def _trust_bytes(numbers: _Numbers, low_coverage: NDArray[np.bool_]) -> bytes:
    """Encode confidence, coverage and low_coverage: 17 bytes a row."""
    rows = np.empty(
        len(numbers.score),
        dtype=[("confidence", "<f8"), ("coverage", "<f8"), ("low_coverage", "u1")],
    )
    rows["confidence"] = numbers.confidence
    rows["coverage"] = numbers.coverage
    rows["low_coverage"] = low_coverage
    return rows.tobytes()


def _array(items: list[bytes]) -> bytes:
    return b"".join((_long(len(items)), *items, b"\0")) if items else b"\0"


def _doubles(values: NDArray[np.float64]) -> bytes:
    return values.astype("<f8", copy=False).tobytes()


def _long(value: int) -> bytes:
    """Encode an integer of 64 bits: zigzag, then 7 bits a byte, the lowest first."""
    rest = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while rest > 127:
        encoded.append((rest & 127) | 128)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


def _longs(values: NDArray[np.int64]) -> list[bytes]:
    """Encode integers at once, as ``_long`` does each, where all take the same number of bytes."""
    if not len(values):
        return []
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    size = (max(int(zigzag.max()).bit_length(), 1) + 6) // 7
    if int(zigzag.min()) >> (7 * (size - 1)) == 0 and size > 1:
        return [_long(value) for value in values.tolist()]
    shifts = np.arange(size, dtype=np.uint64) * np.uint64(7)
    groups = ((zigzag[:, None] >> shifts) & np.uint64(127)).astype(np.uint8)
    groups[:, :-1] |= 128
    encoded = groups.tobytes()
    return [encoded[at : at + size] for at in range(0, len(encoded), size)]


_LENGTHS = [_long(length) for length in range(1024)]


def _sizes(texts: Sequence[bytes]) -> Iterable[bytes]:
    """Encode the lengths of strings."""
    lengths = [*map(len, texts)]
    if max(lengths, default=0) < len(_LENGTHS):
        return map(_LENGTHS.__getitem__, lengths)
    return map(_long, lengths)


def _text(text: str) -> bytes:
    """Encode a string: its length in bytes, then UTF-8."""
    encoded = text.encode()
    return _long(len(encoded)) + encoded
