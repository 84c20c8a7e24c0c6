"""Reports on the quality of scores, as records of the topic leads.quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.quality.error_change import QualityChange
from monitoring.quality.calibration import calibration
from monitoring.quality.counts import QualityCounts
from monitoring.quality.estimated import estimated_quality
from monitoring.quality.losses import brier, log_loss
from monitoring.quality.ranking import auc, lift_of_best, mean_precision
from monitoring.quality.score_bins import MIDDLES
from schemas.model_identity import ModelIdentity
from schemas.record_codec import RecordCodec

__all__ = ["QualityReport", "Segment", "decode_quality_report"]

CODEC = RecordCodec("quality_report")


class Segment(NamedTuple):
    """Leads with one value of a field."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Counts of a model's scores of a week and a partition, or a change of their errors.

    Attributes
    ----------
    reported_at
        Milliseconds since 1970.
    topic, partition
        Where the scores come from.
    model
        What scored the leads.
    week
        Start of the week of the scores, milliseconds since 1970; of a change, the week of the last
        lead.
    counts
        Counts of the leads; a report of a change counts none.
    segment
        Which leads; None: all of them.
    change
        The change; None in a report of a week.
    """

    reported_at: int
    topic: str
    partition: int
    model: ModelIdentity
    week: int
    counts: QualityCounts
    segment: Segment | None = None
    change: QualityChange | None = None

    @property
    def key(self) -> bytes:
        """The record's key: of one key, the last report is valid."""
        parts = [self.topic, self.partition, self.model.sha256[:16], self.week]
        if self.segment is not None:
            parts += ["segment", *self.segment]
        if self.change is not None:
            parts += ["change", self.change.stream]
        return "/".join(map(str, parts)).encode()

    def encode(self) -> bytes:
        """Write as Avro single-object encoding."""
        is_change = self.change is not None
        return CODEC.encode(
            {
                "kind": "change" if is_change else "cohort",
                "reported_at": self.reported_at,
                "topic": self.topic,
                "partition": self.partition,
                "model_id": self.model.id,
                "model_version": self.model.version,
                "model_sha256": self.model.sha256,
                "week": self.week,
                "segment": None if self.segment is None else self.segment._asdict(),
                "counts": None if is_change else self.counts.record(),
                # Whoever reads segments adds up weeks and partitions; these figures take time.
                "figures": None if is_change or self.segment else _figures(self.counts),
                "change": None if self.change is None else _change_record(self.change),
            }
        )


def decode_quality_report(value: bytes | None) -> QualityReport:
    """Read a report.

    Raises
    ------
    ValueError
        The bytes are no report.
    """
    record = CODEC.decode(value)
    segment, counts = record["segment"], record["counts"]
    return QualityReport(
        reported_at=record["reported_at"],
        topic=record["topic"],
        partition=record["partition"],
        model=ModelIdentity(record["model_id"], record["model_version"], record["model_sha256"]),
        week=record["week"],
        counts=QualityCounts() if counts is None else QualityCounts.of_record(counts),
        segment=None if segment is None else Segment(segment["field"], segment["value"]),
        change=_change(record["change"]),
    )


def _change(record: Mapping[str, Any] | None) -> QualityChange | None:
    if record is None:
        return None
    names = ("stream", "detector", "before", "after", "is_worse")
    return QualityChange(*(record[name] for name in names))


def _change_record(change: QualityChange) -> dict[str, Any]:
    return {
        "stream": change.stream,
        "detector": change.detector,
        "before": change.before,
        "after": change.after,
        "is_worse": change.is_worse,
        "sentence": change.sentence,
    }


def _figures(counts: QualityCounts) -> dict[str, Any]:
    """Return the record ``quality_figures``: without the figures whose intervals are drawn."""
    positives, negatives = counts.table[:, 0], counts.table[:, 1]
    area = auc(positives, negatives)
    errors = calibration(positives, negatives, MIDDLES[counts.codes])
    estimated = estimated_quality(counts)
    squared, log = brier(counts), log_loss(counts)
    return {
        "leads": counts.known,
        "conversion": counts.positives / counts.known if counts.known else None,
        "mean_score": counts.mean_score,
        "auc": area and area.value,
        "auc_low": area and area.low,
        "auc_high": area and area.high,
        "auc_estimated": estimated and estimated.auc.value,
        "average_precision": float(mean_precision(positives, negatives)) if area else None,
        "brier": squared and squared.value,
        "log_loss": log and log.value,
        "calibration_error": errors and errors.error,
        "calibration_noise": errors and errors.noise,
        "lift": float(lift_of_best(positives, negatives)) if area else None,
    }
