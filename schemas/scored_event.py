"""The scored event, declared once.

``lead_scored.avsc`` declares the names, types, order and meaning of its fields; ``VALUES`` declares
what the value of each is. Every writer goes by these two: Avro and its compiled loop, JSON,
`leadscore score`. So a further field is an entry in each, whatever the formats are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.logical_types import type_name
from schemas.model_identity import ModelIdentity
from schemas.store import Schema, SchemaStore

__all__ = [
    "VALUES",
    "Leaf",
    "OfBatch",
    "OfLead",
    "OfModel",
    "OfScore",
    "Reasons",
    "ScoreRule",
    "ScoredEvent",
    "ScoredModel",
    "ScoredRows",
    "Scores",
    "Value",
    "reader_of",
    "scored_event",
]

SCHEMA_VERSION = "v1"
CONTRACT_VERSION = 1
CATEGORIES = ("Low", "Medium", "High")
LABELS = ("not_engaged", "engaged")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRule:
    """How a model's scores become words.

    Attributes
    ----------
    high, medium, label
        Thresholds of the category and of the label.
    reason_texts
        By code of a reason: its field, and what is said of the field's value.
    """

    high: float
    medium: float
    label: float
    reason_texts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredModel(ScoreRule):
    """Values that all scored events of a model share.

    Attributes
    ----------
    identity, engine
        The model and what computes it.
    calibration_method, slope, intercept
        From its logit to the score.
    topic
        Where the leads come from.
    replay_id
        The replay that scores them again; None for a worker.
    """

    identity: ModelIdentity
    engine: str
    calibration_method: str
    slope: float
    intercept: float
    topic: str
    replay_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Values that a model computed for n leads.

    Attributes
    ----------
    probability, coverage
        float32, shape (n,).
    reason_code, reason_value
        int32 and float32, shape (n, k): what moved the score most, and by how much; a reason of
        value 0 is none.
    """

    probability: NDArray[np.float32]
    coverage: NDArray[np.float32]
    reason_code: NDArray[np.int32]
    reason_value: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRows(Scores):
    """Values of the scored events of n leads.

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
    low_coverage
        bool, shape (n,): whether too little is known of the lead.
    """

    event_ids: list[bytes]
    lead_ids: list[bytes]
    request_ids: list[bytes]
    created_at: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    partitions: Sequence[int]
    offsets: NDArray[np.int64]
    scored_at: int
    low_coverage: NDArray[np.bool_]


class Reasons(NamedTuple):
    """The reasons of n scores, as ``Scores`` has them."""

    codes: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OfModel:
    """A value that all events of a model share: of any Avro type."""

    read: Callable[[ScoredModel], Any]


@dataclass(frozen=True, slots=True)
class OfBatch:
    """A value that all events of a batch share: of any Avro type."""

    read: Callable[[ScoredRows], Any]


@dataclass(frozen=True, slots=True)
class OfScore:
    """A column that follows from the scores alone; `leadscore score` writes these.

    Attributes
    ----------
    read
        Returns one value a lead: UTF-8 bytes for a string, numbers for a long or a double,
        ``Reasons`` for the reasons, or where there are options their indices.
    options
        All values that the field has, of any Avro type, at most 256.
    """

    read: Callable[[Scores, ScoreRule], Any]
    options: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class OfLead:
    """A column that follows from the leads and their records; otherwise as ``OfScore``."""

    read: Callable[[ScoredRows], Any]
    options: tuple[Any, ...] = ()


Value = OfModel | OfBatch | OfScore | OfLead


def _score(scores: Scores) -> NDArray[np.float64]:
    # As the event says it: thresholds compare in double precision.
    return scores.probability.astype(np.float64)


def _category(scores: Scores, rule: ScoreRule) -> NDArray[np.integer]:
    """Return the index of each lead's category."""
    score = _score(scores)
    return (score >= rule.medium).view(np.uint8) + (score >= rule.high)


def _confidence(scores: Scores) -> NDArray[np.float64]:
    return scores.coverage * (2.0 * np.abs(_score(scores) - 0.5))


VALUES: Mapping[str, Value] = {
    "event_id": OfLead(lambda rows: rows.event_ids),
    "lead_id": OfLead(lambda rows: rows.lead_ids),
    "request_id": OfLead(lambda rows: rows.request_ids),
    "created_at": OfLead(lambda rows: rows.created_at),
    "scored_at": OfBatch(lambda rows: rows.scored_at),
    "latency_ms": OfLead(lambda rows: np.maximum(rows.scored_at - rows.timestamps, 0)),
    "score": OfScore(lambda scores, _: scores.probability),
    "category": OfScore(_category, options=CATEGORIES),
    "label": OfScore(lambda scores, rule: _score(scores) > rule.label, options=LABELS),
    "confidence": OfScore(lambda scores, _: _confidence(scores)),
    "feature_coverage": OfScore(lambda scores, _: scores.coverage),
    "low_coverage": OfLead(lambda rows: rows.low_coverage, options=(False, True)),
    "reasons": OfScore(lambda scores, _: Reasons(scores.reason_code, scores.reason_value)),
    "model_id": OfModel(lambda model: model.identity.id),
    "model_version": OfModel(lambda model: model.identity.version),
    "model_sha256": OfModel(lambda model: model.identity.sha256),
    "engine": OfModel(lambda model: model.engine),
    "calibration": OfModel(
        lambda model: {
            "method": model.calibration_method,
            "slope": model.slope,
            "intercept": model.intercept,
        }
    ),
    "schema_version": OfModel(lambda _: SCHEMA_VERSION),
    "contract_version": OfModel(lambda _: CONTRACT_VERSION),
    "source.topic": OfModel(lambda model: model.topic),
    "source.partition": OfLead(lambda rows: rows.partitions),
    "source.offset": OfLead(lambda rows: rows.offsets),
    "replay_id": OfModel(lambda model: model.replay_id),
}
"""Values of the fields, by path."""


class Leaf(NamedTuple):
    """A field of the event, or of a record inside it, that has a value of its own.

    Attributes
    ----------
    path
        Names from the event down to the field.
    avro_type
        As fastavro parses it.
    value
        What its value is.
    """

    path: tuple[str, ...]
    avro_type: Any
    value: Value


class ScoredEvent:
    """A schema whose fields all have a declared value.

    Parameters
    ----------
    schema
        Names, types and order.
    values
        What the value of each field is, by its path.

    Raises
    ------
    ValueError
        A field has no value, or a value no field.
    """

    def __init__(self, schema: Schema, values: Mapping[str, Value]) -> None:
        self.schema = schema
        self.leaves = tuple(_leaves(schema.parsed, (), values))
        paths = {".".join(leaf.path) for leaf in self.leaves}
        if unknown := values.keys() - paths:
            raise ValueError(
                f"{schema.full_name} has no fields {sorted(unknown)}: add them to"
                f" {schema.source or 'the schema'}, or take their values away"
            )

        self._as_record = _record_of([leaf.path for leaf in self.leaves])
        self._of_scores = [leaf for leaf in self.leaves if isinstance(leaf.value, OfScore)]
        self._as_scores = _record_of([leaf.path for leaf in self._of_scores])

    @property
    def names_of_scores(self) -> list[str]:
        """Names of those fields that follow from the scores alone."""
        return [leaf.path[0] for leaf in self._of_scores]

    def of_scores(self, scores: Scores, rule: ScoreRule) -> Iterator[dict[str, Any]]:
        """Return, lead by lead, those fields that follow from the scores alone."""
        n = len(scores.probability)
        columns = [
            _as_python(leaf.value.read(scores, rule), leaf, rule, n)
            for leaf in self._of_scores
            if isinstance(leaf.value, OfScore)
        ]
        return map(self._as_scores, *columns)

    @property
    def leaves_of_scores(self) -> Sequence[Leaf]:
        """Those fields that follow from the scores alone; the ``value`` of each is an OfScore."""
        return self._of_scores

    def of_rows(self, rows: ScoredRows, model: ScoredModel) -> Iterator[dict[str, Any]]:
        """Return the events of a batch as Python objects."""
        n = len(rows.event_ids)
        columns = [
            _as_python(reader_of(leaf.value, model)(rows), leaf, model, n) for leaf in self.leaves
        ]
        return map(self._as_record, *columns)


@cache
def scored_event() -> ScoredEvent:
    """Return the scored event as ``lead_scored.avsc`` and ``VALUES`` declare it."""
    schema = SchemaStore.load().by_name("lead_scored")
    assert schema is not None
    return ScoredEvent(schema, VALUES)


def reader_of(value: Value, model: ScoredModel) -> Callable[[ScoredRows], Any]:
    """Return the function that reads a field's column from a batch, or the value that it shares."""
    match value:
        case OfModel():
            shared = value.read(model)
            return lambda _: shared
        case OfScore():
            read = value.read
            return lambda rows: read(rows, model)
        case _:
            return value.read


def _leaves(record: Any, above: tuple[str, ...], values: Mapping[str, Value]) -> Iterator[Leaf]:
    for entry in record["fields"]:
        path, avro_type = (*above, entry["name"]), entry["type"]
        value = values.get(".".join(path))
        if value is not None:
            yield Leaf(path, avro_type, value)
        elif isinstance(avro_type, Mapping) and avro_type.get("type") == "record":
            yield from _leaves(avro_type, path, values)
        else:
            raise ValueError(
                f"the field {'.'.join(path)} of {record['name']} has no value: add it to VALUES in"
                " schemas/scored_event.py"
            )


def _as_python(column: Any, leaf: Leaf, rule: ScoreRule, n: int) -> Iterator[Any]:
    """Iterate over the values of a column as Python objects."""
    value = leaf.value
    if isinstance(value, OfModel | OfBatch):
        return repeat(column, n)
    is_reasons = isinstance(column, Reasons)
    if (found := len(column.codes if is_reasons else column)) != n:
        raise ValueError(f"{n} events, but {found} values of {'.'.join(leaf.path)}")
    if is_reasons:
        return _reasons(column, rule.reason_texts)
    if value.options:
        return map(value.options.__getitem__, column.tolist())
    if type_name(leaf.avro_type) == "string":
        return map(bytes.decode, column)
    return iter(column.tolist() if isinstance(column, np.ndarray) else column)


def _reasons(reasons: Reasons, texts: Sequence[tuple[str, str]]) -> Iterator[list[dict[str, Any]]]:
    for codes, values in zip(reasons.codes.tolist(), reasons.values.tolist(), strict=True):
        yield [
            {"feature": texts[code][0], "value": texts[code][1], "contribution": value}
            for code, value in zip(codes, values, strict=True)
            if value
        ]


def _record_of(paths: Sequence[tuple[str, ...]]) -> Callable[..., dict[str, Any]]:
    """Return a function that takes the values of leaves and returns the record.

    It is generated: a literal takes a third of the time of a dictionary from a zip.
    """
    tree: dict[str, Any] = {}
    for place, path in enumerate(paths):
        record = tree
        for name in path[:-1]:
            record = record.setdefault(name, {})
        record[path[-1]] = f"v{place}"
    names = ", ".join(f"v{place}" for place in range(len(paths)))
    made: Callable[..., dict[str, Any]] = eval(f"lambda {names}: {_literal(tree)}")
    return made


def _literal(tree: Mapping[str, Any]) -> str:
    parts = (
        f"{name!r}: {_literal(part) if isinstance(part, dict) else part}"
        for name, part in tree.items()
    )
    return f"{{{', '.join(parts)}}}"
