import doctest
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from monitoring.drift import statistics
from monitoring.drift.statistics import (
    SMOOTHING,
    benjamini_hochberg,
    chi2_survival,
    chi2_test,
    jensen_shannon,
    kl_divergence,
    kolmogorov_survival,
    ks_test,
    occupied,
    psi,
    psi_noise,
)


def counted(most: Any = 3000) -> Any:
    """Two samples' counts in the same bins, neither of them empty."""
    return (
        st.integers(2, 30)
        .flatmap(
            lambda size: st.tuples(*[arrays(np.int64, size, elements=st.integers(0, most))] * 2)
        )
        .filter(lambda two: two[0].any() and two[1].any())
    )


def smoothed_shares(window: Any, reference: Any) -> Any:
    there = (window + reference) > 0
    return [
        (sample[there] + SMOOTHING) / (sample[there] + SMOOTHING).sum()
        for sample in (window, reference)
    ]


@given(counted())
def test_psi_is_both_relative_entropies(two: Any) -> None:
    p, q = smoothed_shares(*two)
    assert psi(*two) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p), abs=1e-12)
    assert psi(*two) == pytest.approx(psi(two[1], two[0]), abs=1e-12)
    assert psi(*two) >= 0


@given(counted())
def test_kl_divergence_is_scipys(two: Any) -> None:
    p, q = smoothed_shares(*two)
    assert kl_divergence(*two) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert kl_divergence(*two) >= 0


@given(counted())
def test_jensen_shannon_is_scipys_distance_squared(two: Any) -> None:
    assert jensen_shannon(*two) == pytest.approx(jensenshannon(*two, base=2) ** 2, abs=1e-12)
    assert 0 <= jensen_shannon(*two) <= 1


def test_the_examples_are_true() -> None:
    results = doctest.testmod(statistics)
    assert results.attempted
    assert not results.failed


def test_psi_and_divergences_are_those_computed_by_hand() -> None:
    # 0.2·ln 1.4 + 0.2·ln (0.5/0.3), of so many leads that half a one is nothing.
    window, reference = np.array([7, 3]) * 10**6, np.array([5, 5]) * 10**6
    assert psi(window, reference) == pytest.approx(0.169460, abs=1e-6)
    assert kl_divergence(window, reference) == pytest.approx(0.082283, abs=1e-6)
    assert jensen_shannon(np.array([9, 0]), np.array([0, 4])) == 1.0


def test_bins_that_are_empty_in_both_change_nothing() -> None:
    window, reference = np.array([30, 70, 5]), np.array([500, 400, 100])
    wide = [np.insert(sample, [1, 3], 0) for sample in (window, reference)]
    for measure in (psi, kl_divergence, jensen_shannon):
        assert measure(*wide) == pytest.approx(measure(window, reference), rel=1e-12)
    assert chi2_test(*wide) == chi2_test(window, reference)
    assert occupied(*wide) == occupied(window, reference) == 3


def test_an_empty_bin_gives_a_finite_psi() -> None:
    assert 1 < psi(np.array([800, 200]), np.array([20_000, 0])) < 3


@pytest.mark.parametrize(("n", "m", "bins"), [(1000, 24_000, 22), (5000, 5000, 12)])
def test_the_noise_of_psi_is_its_mean_without_drift(n: int, m: int, bins: int) -> None:
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.full(bins, 20.0))
    found = [psi(random.multinomial(n, shares), random.multinomial(m, shares)) for _ in range(800)]
    # The mean's own error: a chi² variable's deviation over the square root of 800.
    error = psi_noise(bins, n, m) * np.sqrt(2 / (bins - 1) / 800)
    assert np.mean(found) == pytest.approx(psi_noise(bins, n, m), abs=4 * error)


def test_one_bin_has_no_noise() -> None:
    assert psi_noise(1, 1000, 1000) == psi_noise(0, 1000, 1000) == 0


def expanded(counts: Any) -> Any:
    return np.repeat(np.arange(len(counts)), counts)


@given(counted(most=150))
def test_ks_is_scipys_on_the_codes(two: Any) -> None:
    found, theirs = ks_test(*two), stats.ks_2samp(*map(expanded, two), method="asymp")
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-12)
    n, m = (sample.sum() for sample in two)
    scaled = found.statistic * np.sqrt(n * m / (n + m))
    assert found.p_value == pytest.approx(stats.kstwobign.sf(scaled), abs=1e-12)


def test_ks_p_values_of_a_thousand_leads_are_scipys() -> None:
    random = np.random.default_rng(3)
    for shift in (0.0, 0.05, 0.1, 0.2):
        edges = np.linspace(-2, 2, 19)
        two = [
            np.bincount(edges.searchsorted(random.normal(mean, 1, n)), minlength=20)
            for mean, n in ((shift, 1000), (0.0, 20_000))
        ]
        theirs = stats.ks_2samp(*map(expanded, two), method="exact")
        assert ks_test(*two).p_value == pytest.approx(theirs.pvalue, rel=0.2)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_ks_on_bins_is_conservative(seed: Any, shift: Any) -> None:
    random = np.random.default_rng(seed)
    values = random.normal(shift, 1, 300), random.normal(0, 1, 500)
    edges = np.linspace(-2, 2, 19)
    binned = ks_test(*(np.bincount(edges.searchsorted(v), minlength=20) for v in values))
    exact = stats.ks_2samp(*values, method="asymp")
    assert binned.statistic <= exact.statistic + 1e-12


@given(st.floats(0, 20))
def test_kolmogorovs_distribution_is_scipys(x: Any) -> None:
    assert kolmogorov_survival(x) == pytest.approx(special.kolmogorov(x), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("x", "p"), [(1.0727, 0.2), (1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)]
)
def test_kolmogorovs_distribution_has_the_values_of_its_table(x: float, p: float) -> None:
    assert kolmogorov_survival(x) == pytest.approx(p, rel=2e-3)


@given(st.floats(0, 3000), st.integers(1, 300))
def test_the_chi2_distribution_is_scipys(x: Any, degrees: Any) -> None:
    expected = stats.chi2.sf(x, degrees)
    assert chi2_survival(x, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("x", "degrees", "p"),
    [
        (3.841, 1, 0.05),
        (6.635, 1, 0.01),
        (18.307, 10, 0.05),
        (29.588, 10, 0.001),
        (30.144, 19, 0.05),
        (124.342, 100, 0.05),
        (135.807, 100, 0.01),
    ],
)
def test_the_chi2_distribution_has_the_values_of_its_table(
    x: float, degrees: int, p: float
) -> None:
    assert chi2_survival(x, degrees) == pytest.approx(p, rel=2e-3)


def test_a_statistic_of_one_bin_proves_nothing() -> None:
    assert chi2_test(np.array([40, 0]), np.array([900, 0])).p_value == 1.0
    assert chi2_survival(0.0, 0) == 1.0


@given(counted())
def test_chi2_is_scipys_where_no_bin_is_rare(two: Any) -> None:
    table = np.stack(two)[:, (two[0] + two[1]) > 0]
    assume(table.shape[1] > 1)
    expected = stats.contingency.expected_freq(table)
    assume(expected.min() >= 1)
    theirs = stats.chi2_contingency(table, correction=False)
    found = chi2_test(*two)
    assert found.statistic == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize(
    ("window", "reference", "pooled"),
    [
        # 0.4 and 0.8 leads are expected: pooled, they are 1.2.
        ([500, 498, 1, 1], [5000, 4989, 3, 8], [[500, 498, 2], [5000, 4989, 11]]),
        # 0.4 leads are expected: with the rarest of the others.
        ([500, 499, 1], [5400, 4597, 3], [[500, 500], [5400, 4600]]),
        # The smaller sample is the reference.
        ([5400, 4597, 3], [500, 499, 1], [[5400, 4600], [500, 500]]),
    ],
)
def test_chi2_pools_bins_in_which_hardly_a_lead_is_expected(
    window: Any, reference: Any, pooled: Any
) -> None:
    theirs = stats.chi2_contingency(np.array(pooled), correction=False)
    found = chi2_test(np.array(window), np.array(reference))
    assert found.statistic == pytest.approx(theirs.statistic)
    assert found.p_value == pytest.approx(theirs.pvalue)


def test_one_lead_of_a_new_level_proves_nothing() -> None:
    window, reference = np.array([600, 399, 1]), np.array([15_000, 10_000, 0])
    # Without pooling it would be proof.
    assert stats.chi2_contingency(np.stack((window, reference))).pvalue < 1e-5
    assert chi2_test(window, reference).p_value > 0.5


def test_a_surge_of_a_new_level_is_seen() -> None:
    assert chi2_test(np.array([560, 410, 30]), np.array([15_000, 10_000, 0])).p_value < 1e-30


@pytest.mark.parametrize("size", [1000, 100_000])
def test_chi2_raises_few_false_alarms_on_rare_levels(size: int) -> None:
    random = np.random.default_rng(11)
    shares = 1 / np.arange(1, 101) ** 1.5
    shares /= shares.sum()
    found = [
        chi2_test(random.multinomial(size, shares), random.multinomial(20_000, shares)).p_value
        for _ in range(600)
    ]
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.085


@given(st.lists(st.floats(0, 1), max_size=40))
def test_benjamini_hochberg_is_scipys(p_values: Any) -> None:
    expected = stats.false_discovery_control(p_values) if p_values else []
    np.testing.assert_allclose(benjamini_hochberg(p_values), expected, rtol=1e-12)


def test_benjamini_and_hochbergs_own_example() -> None:
    # The 15 p-values of the paper's section 3.2: at 5 % the four smallest are found.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    p_values += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    adjusted = benjamini_hochberg(p_values)
    assert (adjusted <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)


def test_the_service_needs_no_scipy() -> None:
    code = "import sys, monitoring.drift.assessment; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
