import numpy as np
import pytest

from agents.verdict.latency_counts import LatencyCounts


def test_quantiles_are_right_to_2_percent() -> None:
    latencies = np.random.default_rng(1).lognormal(3, 1, 50_001)
    counts = LatencyCounts()
    for part in np.array_split(latencies, 3):
        counts.extend(part.astype(np.float32))
    for share in (0.5, 0.95, 0.99):
        assert counts.quantile(share) == pytest.approx(np.quantile(latencies, share), rel=0.025)


def test_nothing_is_too_short_or_too_long() -> None:
    counts = LatencyCounts()
    counts.extend(np.array([0.0, 1.0, 1e15]))
    assert counts.counts.sum() == 3
    assert counts.quantile(0.5) == 1.0
    assert counts.quantile(1.0) > 1e9
