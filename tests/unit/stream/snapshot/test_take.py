"""The samples that a snapshot compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features.reference_sample import LeadSample
from stream.snapshot.record_sample import TimeRange
from stream.snapshot.take import assess_sample
from tests.unit.small_model import LEADS, small_model

HOUR_MS, WEEK_MS = 3_600_000, 7 * 86_400_000


def test_hours_and_weekdays_that_the_leads_do_not_span_are_no_drift(tmp_path: Path) -> None:
    """A range of two weeks whose leads begin an hour before its end: all are of one weekday."""
    bundle = small_model(tmp_path).bundle
    counted = bundle.metadata.reference.counted
    bins = np.stack([np.repeat(np.arange(field.codes), field.counts) for field in counted], axis=1)
    bins[:, [field.name.startswith("created_at") for field in counted]] = 1
    scores = np.linspace(0.1, 0.6, LEADS, dtype=np.float32)
    now = LeadSample({}, bins.astype(np.int16), scores)
    within = TimeRange(0, 2 * WEEK_MS)

    def drifted(first: int) -> set[str]:
        assessed = assess_sample(bundle, now, within, first)
        return {field.name for field in assessed.fields[:-1] if field.is_drifted}

    assert {"created_at", "created_at:hour"} <= drifted(within.start)
    assert not drifted(within.end - HOUR_MS) & {"created_at", "created_at:hour"}
