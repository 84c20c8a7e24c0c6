"""Scored events made up for tests and benchmarks."""

from __future__ import annotations

from typing import Any

__all__ = ["SCORED_AT", "scored"]

SCORED_AT = 1_790_000_000_000
"""When the event of offset 0 was scored, in milliseconds since 1970."""


def scored(lead_id: str, *, offset: int, partition: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a scored event of a lead, as the readers return it.

    Parameters
    ----------
    lead_id
        The lead.
    offset, partition
        The place of its record; time and score follow from the offset.
    **fields
        Replace fields of the event.
    """
    score = (offset % 100) / 100
    return {
        "event_id": f"e-{partition}-{offset}",
        "lead_id": lead_id,
        "request_id": f"r-{offset}",
        "created_at": SCORED_AT - 5000 + offset,
        "scored_at": SCORED_AT + offset,
        "latency_ms": 12,
        "score": score,
        "category": "High" if score >= 0.5 else "Low",
        "label": "engaged" if score >= 0.5 else "not_engaged",
        "confidence": 0.5,
        "feature_coverage": 1.0,
        "low_coverage": False,
        "reasons": [{"feature": "age", "value": "over 40", "contribution": 0.25}],
        "model_id": "leads",
        "model_version": "3",
        "model_sha256": "ab" * 32,
        "engine": "onnx",
        "calibration": {"method": "platt", "slope": 1.0, "intercept": 0.0},
        "schema_version": "v1",
        "contract_version": 1,
        "source": {"topic": "leads.created", "partition": partition, "offset": offset},
        "replay_id": None,
    } | fields
