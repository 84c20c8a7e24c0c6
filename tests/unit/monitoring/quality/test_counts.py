from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.monitoring.quality.drawn_leads import drawn, labels_of, some_counts

NONE = QualityCounts()


def test_leads_are_counted_by_outcome() -> None:
    leads = drawn(5000, unknown=0.2)
    counts = QualityCounts.count(leads)
    assert counts.positives == np.count_nonzero(leads.outcomes == 1)
    assert counts.negatives == np.count_nonzero(leads.outcomes == 0)
    assert counts.unknown == np.count_nonzero(leads.outcomes == -1)
    assert counts.leads == 5000
    assert sum(band.positives for band in counts.bands) == counts.positives
    assert sum(part.amount for part in counts.money) == leads.amounts.sum()


def test_sums_are_of_the_scores_themselves_where_the_outcome_is_known() -> None:
    leads = drawn(5000, unknown=0.2)
    counts = QualityCounts.count(leads)
    labels, scores = labels_of(leads)
    assert counts.score_sum == pytest.approx(scores.sum() * 1e9, abs=5000)
    assert counts.squared_error_sum == pytest.approx(((scores - labels) ** 2).sum() * 1e9, abs=5000)


@given(a=some_counts(), b=some_counts(), c=some_counts())
def test_counts_add_in_any_order(a: QualityCounts, b: QualityCounts, c: QualityCounts) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + NONE == a
    assert QualityCounts.sum([a, b, c]) == c + b + a


@given(count=st.integers(0, 60), seed=st.integers(0, 10**6), cut=st.integers(0, 60))
def test_counts_of_parts_add_to_those_of_the_whole(count: int, seed: int, cut: int) -> None:
    leads = drawn(count, seed=seed, unknown=0.3)
    first, rest = np.arange(min(cut, count)), np.arange(min(cut, count), count)
    parts = (QualityCounts.count(leads.take(rows)) for rows in (rest, first))
    assert QualityCounts.sum(parts) == QualityCounts.count(leads)


@given(a=some_counts(), b=some_counts())
def test_counts_that_were_added_can_be_subtracted(a: QualityCounts, b: QualityCounts) -> None:
    assert (a + b) - b == a
    assert a - a == NONE


def test_an_outcome_that_becomes_known_moves_its_lead() -> None:
    before = ScoredOutcomes(np.array([0.4]), np.array([-1], dtype=np.int8), ["Low"])
    after = ScoredOutcomes(np.array([0.4]), np.array([1], dtype=np.int8), ["Low"])
    many = QualityCounts.count(drawn(100))
    moved = many + QualityCounts.count(before) - QualityCounts.count(before)
    assert moved + QualityCounts.count(after) == many + QualityCounts.count(after)


def test_leads_that_were_not_counted_cannot_be_subtracted() -> None:
    with pytest.raises(ValueError, match="some were not counted"):
        QualityCounts.count(drawn(10, seed=1)) - QualityCounts.count(drawn(10, seed=2))


@given(counts=some_counts())
def test_counts_come_back_from_bytes(counts: QualityCounts) -> None:
    found = QualityCounts.of_bytes(counts.to_bytes())
    assert found == counts
    assert found.codes.dtype == counts.codes.dtype
    assert found + counts == counts + counts


def test_counts_of_many_leads_are_small() -> None:
    counts = QualityCounts.count(drawn(100_000, unknown=0.2))
    assert len(counts.to_bytes()) < 10 * len(counts.codes) < 20_000


def test_a_score_that_excludes_its_outcome_has_a_finite_loss() -> None:
    counts = QualityCounts.count(ScoredOutcomes(np.array([0.0]), np.array([1], dtype=np.int8)))
    assert counts.log_loss_sum == pytest.approx(-np.log(1e-15) * 1e9)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"codes": [2, 1]}, "codes of bins that ascend"),
        ({"codes": [1, 4000]}, "codes of bins that ascend"),
        ({"positives": [1]}, "three counts for each code"),
        ({"unknown": [0, -1]}, "counts of at least 0"),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_refused(change: dict[str, Any], sentence: str) -> None:
    leads = ScoredOutcomes(np.array([0.1, 0.9]), np.array([1, 0], dtype=np.int8))
    record = QualityCounts.count(leads).record() | change
    with pytest.raises(ValueError, match=sentence):
        QualityCounts.of_record(record)


def test_bytes_that_are_no_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a quality_counts"):
        QualityCounts.of_bytes(b"\xc3\x01")
