"""Drift reports as records: one of every closed window, and one of every alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from agents.partials import dense, sparse
from features.counts import LeadCounts
from monitoring.drift.assessment import Assessment
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec

__all__ = [
    "Alarm",
    "Report",
    "assessments_of",
    "counts_of",
    "decode_report",
    "drifted_fields",
    "span_name",
]

CODEC = RecordCodec("drift_report")
UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
TWO_DAYS_MS = 2 * 86_400_000


def span_name(ms: int) -> str:
    """Name a length of time.

    Examples
    --------
    >>> [span_name(s * 1000) for s in (300, 3600, 86_400, 2_592_000, 90)]
    ['5m', '1h', '24h', '30d', '90s']
    """
    for unit, length in UNITS:
        if ms % length == 0 and (unit != "d" or ms >= TWO_DAYS_MS):
            return f"{ms // length}{unit}"
    return f"{ms}ms"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A change that was found in a stream.

    Attributes
    ----------
    detector
        ``windowed``, ``adwin`` or ``page_hinkley``.
    stream
        A field, ``score``, or ``all``.
    is_confirmed
        Whether the windowed statistics agree.
    before, after
        Means of the stream, from detectors that know them.
    diagnosis
        Kind of drift that the statistics show.
    sentence
        For people.
    """

    detector: str
    stream: str
    is_confirmed: bool
    before: float | None
    after: float | None
    diagnosis: Diagnosis
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a window, or an alarm that its counts raise.

    Attributes
    ----------
    reported_at
        Milliseconds since 1970.
    topic, model
        Whose leads, scored by what.
    window_start, window_end
        Event time, milliseconds since 1970.
    counts
        Counts of the window's leads.
    horizons
        On the window and on longer spans that end with it.
    alarm
        None: the report is of the window itself.
    """

    reported_at: int
    topic: str
    model: ModelIdentity
    window_start: int
    window_end: int
    counts: LeadCounts
    horizons: tuple[Assessment, ...]
    alarm: Alarm | None = None

    @property
    def key(self) -> bytes:
        """The record's key: of a window's reports, the last one holds."""
        parts = [self.model.sha256[:16], self.window_start]
        if self.alarm is not None:
            parts += ["alarm", self.alarm.detector, self.alarm.stream]
        return "/".join(map(str, parts)).encode()

    def encode(self) -> bytes:
        """Write as Avro single-object encoding."""
        codes, counts = sparse(self.counts.counts)
        record = {
            "kind": "window" if self.alarm is None else "alarm",
            "reported_at": self.reported_at,
            "topic": self.topic,
            "model_id": self.model.id,
            "model_version": self.model.version,
            "model_sha256": self.model.sha256,
            "window_start": self.window_start,
            "window_end": self.window_end,
            "leads": self.counts.leads,
            "present": self.counts.present,
            "score_sum": self.counts.score_sum,
            "engaged": self.counts.engaged,
            "codes": codes,
            "counts": counts,
            "horizons": [assessment.record() for assessment in self.horizons],
            "alarm": None if self.alarm is None else asdict(self.alarm),
        }
        return CODEC.encode(record)


def decode_report(value: bytes | None) -> Mapping[str, Any]:
    """Read a report: the record of drift_report.avsc.

    Reports of earlier versions have false where there were too few leads to decide: it is None
    here.

    Raises
    ------
    ValueError
        The bytes are no report.
    """
    record = CODEC.decode(value)
    return {**record, "horizons": [_with_unknown(horizon) for horizon in record["horizons"]]}


def _with_unknown(horizon: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = [
        {**field, "is_drifted": None} if field["state"] == DriftState.TOO_FEW else field
        for field in horizon["fields"]
    ]
    if horizon["state"] != DriftState.TOO_FEW:
        return {**horizon, "fields": fields}
    return {**horizon, "is_drift": None, "is_prediction_drift": None, "fields": fields}


def assessments_of(record: Mapping[str, Any]) -> tuple[Assessment, ...]:
    """Return the horizons of a report.

    Parameters
    ----------
    record
        As `decode_report` returns it.
    """
    return tuple(_assessment(horizon) for horizon in record["horizons"])


def _assessment(horizon: Mapping[str, Any]) -> Assessment:
    fields = tuple(
        FieldDrift(**{**drift, "state": DriftState(drift["state"])}) for drift in horizon["fields"]
    )
    given = {
        "state": DriftState(horizon["state"]),
        "diagnosis": Diagnosis(horizon["diagnosis"]),
        "fields": fields,
    }
    return Assessment(**{**horizon, **given})


def drifted_fields(horizon: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many fields of a report's horizon have drifted, as a whole or by an aspect.

    Parameters
    ----------
    horizon
        A horizon of a record as `decode_report` returns it.

    Returns
    -------
    tuple of int and int
        The drifted fields, and all. Aspects are named by their field: ``opened:hour``.
    """
    drifted: dict[str, bool] = {}
    for drift in horizon["fields"]:
        if not drift["is_score"]:
            field = drift["name"].partition(":")[0]
            drifted[field] = drifted.get(field, False) or bool(drift["is_drifted"])
    return sum(drifted.values()), len(drifted)


def counts_of(record: Mapping[str, Any], size: int) -> LeadCounts:
    """Return the counts of a report.

    Parameters
    ----------
    record
        As `decode_report` returns it.
    size
        Length of the model's vector.
    """
    return LeadCounts(
        dense(record["codes"], record["counts"], size),
        record["leads"],
        record["present"],
        record["score_sum"],
        record["engaged"],
    )
