"""Scored events in the Avro binary encoding, behind a header that names their schema.

The event's declaration becomes a plan of one step a field. Bytes that all events of a model share
are encoded once, and so is each option of a field with few values. The loop over the events of a
batch is compiled, and executes the plan on columns; without a compiler, plain Python does the same.
The bytes are those that fastavro writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import repeat
from typing import Any, NamedTuple

import fastavro
import numpy as np
from numpy.typing import NDArray

from schemas.logical_types import type_name
from schemas.scored_event import (
    Leaf,
    OfBatch,
    OfModel,
    Reasons,
    ScoredEvent,
    ScoredModel,
    ScoredRows,
    reader_of,
)

try:
    from schemas import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["AvroEventWriter"]


class Step(IntEnum):
    """Number of the next part to write, as in ``write_events`` of schemas/_compiled.pyx."""

    PIECE = 0
    """Bytes that all events of the batch share."""
    TEXT = 1
    LONG = 2
    DOUBLE = 3
    OPTION = 4
    """One of a field's few values."""
    REASONS = 5


STEPS = {"string": Step.TEXT, "int": Step.LONG, "long": Step.LONG, "double": Step.DOUBLE}


NO_REASONS = Reasons(np.zeros((0, 0), np.int32), np.zeros((0, 0), np.float32))
Read = Callable[[ScoredRows], Any]
"""Returns a field's column of a batch, or the value that the batch shares."""


class _Columns(NamedTuple):
    """A batch by kind of step; the second number of a step is an index into these."""

    n: int
    pieces: list[bytes]
    texts: list[list[bytes]]
    longs: NDArray[np.int64]
    doubles: NDArray[np.float64]
    options: NDArray[np.uint8]
    reasons: Reasons


class AvroEventWriter:
    """Writes the scored events of one model; see ``ScoredWriter``.

    Parameters
    ----------
    header
        First bytes of each event.
    event
        The event's fields.
    model
        What the events share.
    """

    def __init__(self, header: bytes, event: ScoredEvent, model: ScoredModel) -> None:
        self._plan: list[tuple[Step, int]] = []
        self._pieces: list[bytes] = []
        self._of_batch: list[tuple[int, Any, Read]] = []
        """Pieces that change with the batch: index, type, value."""
        self._columns_of: dict[Step, list[Read]] = {step: [] for step in Step}
        self._options: list[list[bytes]] = []
        self._add_shared(header)
        for leaf in event.leaves:
            self._add(leaf, model)
        self._plan_array = np.array(self._plan, np.int16)
        self._reason_heads = [
            _encoded("string", name) + _encoded("string", value)
            for name, value in model.reason_texts
        ]

    def write(self, rows: ScoredRows) -> list[bytes]:
        """Write a batch."""
        columns = self._columns(rows)
        if not columns.n:
            return []
        if _compiled is None:
            return self._join(columns)
        return _compiled.write_events(
            columns.n,
            self._plan_array,
            columns.pieces,
            columns.texts,
            columns.longs,
            columns.doubles,
            columns.options,
            self._options,
            columns.reasons.codes,
            columns.reasons.values,
            self._reason_heads,
        )

    def _add(self, leaf: Leaf, model: ScoredModel) -> None:
        value, read = leaf.value, reader_of(leaf.value, model)
        if isinstance(value, OfModel):
            self._add_shared(_encoded(leaf.avro_type, value.read(model)))
        elif isinstance(value, OfBatch):
            self._of_batch.append((len(self._pieces), leaf.avro_type, read))
            self._plan.append((Step.PIECE, len(self._pieces)))
            self._pieces.append(b"")
        elif value.options:
            self._options.append([_encoded(leaf.avro_type, option) for option in value.options])
            self._add_column(Step.OPTION, read)
        elif leaf.path == ("reasons",):
            self._add_column(Step.REASONS, read)
        else:
            self._add_column(STEPS[type_name(leaf.avro_type)], read)

    def _add_shared(self, encoded: bytes) -> None:
        """Add bytes that all events share, to those before them if there are any."""
        step = Step.PIECE, len(self._pieces) - 1
        is_of_batch = bool(self._of_batch) and self._of_batch[-1][0] == step[1]
        if self._plan and self._plan[-1] == step and not is_of_batch:
            self._pieces[-1] += encoded
            return
        self._plan.append((Step.PIECE, len(self._pieces)))
        self._pieces.append(encoded)

    def _add_column(self, step: Step, read: Read) -> None:
        self._plan.append((step, len(self._columns_of[step])))
        self._columns_of[step].append(read)

    def _columns(self, rows: ScoredRows) -> _Columns:
        n, reads, pieces = len(rows.event_ids), self._columns_of, self._pieces
        if self._of_batch:
            pieces = pieces.copy()
            for place, avro_type, read in self._of_batch:
                pieces[place] = _encoded(avro_type, read(rows))
        return _Columns(
            n,
            pieces,
            [read(rows) for read in reads[Step.TEXT]],
            _stacked(reads[Step.LONG], rows, np.empty((len(reads[Step.LONG]), n), np.int64)),
            _stacked(reads[Step.DOUBLE], rows, np.empty((len(reads[Step.DOUBLE]), n))),
            _stacked(reads[Step.OPTION], rows, np.empty((len(reads[Step.OPTION]), n), np.uint8)),
            reads[Step.REASONS][0](rows) if reads[Step.REASONS] else NO_REASONS,
        )

    def _join(self, columns: _Columns) -> list[bytes]:
        """Write a batch in plain Python, as the compiled loop does."""
        parts = [self._encode(step, place, columns) for step, place in self._plan]
        return [b"".join(event) for event in zip(*parts, strict=True)]

    def _encode(self, step: Step, place: int, columns: _Columns) -> Iterable[bytes]:
        """Return what a step writes into each event."""
        match step:
            case Step.PIECE:
                return repeat(columns.pieces[place], columns.n)
            case Step.TEXT:
                return [_long(len(text)) + text for text in columns.texts[place]]
            case Step.LONG:
                return map(_long, columns.longs[place].tolist())
            case Step.DOUBLE:
                return _doubles(columns.doubles[place])
            case Step.OPTION:
                return map(self._options[place].__getitem__, columns.options[place].tolist())
            case Step.REASONS:
                return self._encode_reasons(columns.reasons)

    def _encode_reasons(self, reasons: Reasons) -> Iterable[bytes]:
        for codes, values in zip(reasons.codes.tolist(), reasons.values, strict=True):
            items = [
                self._reason_heads[code] + encoded
                for code, value, encoded in zip(
                    codes, values.tolist(), _doubles(values.astype(np.float64)), strict=True
                )
                if value
            ]
            yield b"".join((_long(len(items)), *items, b"\0")) if items else b"\0"


def _stacked(reads: Sequence[Read], rows: ScoredRows, columns: NDArray[Any]) -> NDArray[Any]:
    """Fill an array with columns."""
    n = columns.shape[1]
    for place, read in enumerate(reads):
        column = read(rows)
        if len(column) != n:  # NumPy would repeat a single value
            raise ValueError(f"{n} events, but {len(column)} values in a column")
        columns[place] = column
    return columns


def _encoded(avro_type: Any, value: Any) -> bytes:
    """Return a value in Avro."""
    if type_name(avro_type) in ("int", "long"):  # fastavro would parse the type for each batch
        return _long(value)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, avro_type, value)
    return body.getvalue()


def _doubles(values: NDArray[np.float64]) -> Sequence[bytes]:
    encoded = values.astype("<f8", copy=False).tobytes()
    return [encoded[at : at + 8] for at in range(0, len(encoded), 8)]


def _long(value: int) -> bytes:
    """Encode an integer of 64 bits: zigzag, then 7 bits a byte, the lowest first."""
    rest = (value << 1) ^ (value >> 63)
    encoded = bytearray()
    while rest > 127:
        encoded.append((rest & 127) | 128)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)
