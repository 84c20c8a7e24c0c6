from __future__ import annotations

from river.base import DriftDetector

from monitoring.drift.mean_changes import MeanChange, MeanChanges


class AtValues(DriftDetector):
    """Detects a change at values from 100 on."""

    def update(self, x: float) -> None:
        self._drift_detected = x >= 100


def test_a_change_has_its_row_and_the_means_before_and_of_the_latest_values() -> None:
    changes = MeanChanges(AtValues(), recent=2)
    assert list(changes.update([1.0, 2.0, 3.0], first=10)) == []
    [change] = changes.update([4.0, 100.0, 7.0], first=13)
    assert change == MeanChange(row=14, before=2.0, after=52.0)


def test_after_a_change_it_starts_again_without_the_values_before() -> None:
    changes = MeanChanges(AtValues(), recent=2)
    first, second = changes.update([1.0, 100.0, 200.0])
    assert (first.before, second.before) == (None, None)
    assert second.after == 200.0
