"""The power that the drift status reports, against drawn windows of several kinds of fields."""

from __future__ import annotations

import math

import pytest

from benchmarks import drift_power
from monitoring.drift.power import VANISHING

VANISHES = {
    ("number, 80 % in one bin", "to the usual bin"),
    ("yes or no, 10 %", "to the usual bin"),
}


def test_no_kind_of_field_needs_a_larger_psi_than_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drift_power, "SIZES", (300,))
    drawn = list(drift_power.measure(seed=2, windows=400))
    assert len(drawn) == len(drift_power.FIELDS) * len(drift_power.DIRECTIONS)
    for one in drawn:
        is_vanishing = (one.field, one.direction) in VANISHES
        reported = one.reported * (VANISHING if is_vanishing else 1.0)
        assert math.isnan(one.found) or one.found < 1.15 * reported, one
        assert is_vanishing or one.found > 0.7 * reported, one
