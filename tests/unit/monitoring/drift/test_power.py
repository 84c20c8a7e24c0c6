"""The smallest PSI that a number of leads can show."""

from __future__ import annotations

import pytest

from monitoring.drift.power import detectable_psi


def test_the_detectable_difference_shrinks_with_more_leads() -> None:
    seen = [detectable_psi(20 / n, n, 20) for n in (50, 100, 300, 999, 100_000)]
    assert seen[:3] == sorted(seen[:3], reverse=True)
    assert 0.9 < seen[0] < 1.3
    assert 0.15 < seen[2] < 0.3
    assert seen[-1] == pytest.approx(0.2, abs=0.02)
