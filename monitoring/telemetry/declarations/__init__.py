"""Every metric of LeadScore, declared once: its name in queries, type, unit, labels and meaning.

A module declares the metrics that one kind of process exposes. The tables of the documentation
are made from ``DECLARATIONS``; the classes of ``monitoring.telemetry`` record. No metric has the
id of a lead as a label, and no label takes values without bound: topics, partitions, stages,
error codes, reasons, a model's fields and horizons are few, and the info metrics hold one set of
labels at a time.
"""

from __future__ import annotations

from monitoring.telemetry.declarations import (
    archive,
    drift,
    hooks,
    lag,
    outcomes,
    quality,
    replay,
    rest,
    rollout,
    score,
    sink,
    snapshot,
    trainer,
)
from monitoring.telemetry.declarations.declaration import Declaration, MetricType, Shower

__all__ = ["DECLARATIONS", "Declaration", "MetricType", "Shower"]

DECLARATIONS: tuple[Declaration, ...] = tuple(
    value
    for module in (
        *(score, drift, quality, archive, rollout, sink, outcomes, trainer),
        *(snapshot, replay, lag, rest, hooks),
    )
    for value in vars(module).values()
    if isinstance(value, Declaration)
)
"""All metrics, in the order of these modules."""
