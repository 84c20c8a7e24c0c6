import numpy as np
import pytest

from monitoring.quality.scored_outcomes import ScoredOutcomes
from tests.unit.monitoring.quality.drawn_leads import drawn

SCORES = np.array([0.1, 0.2])
OUTCOMES = np.array([1, 0], dtype=np.int8)


def test_leads_are_taken_by_row_with_all_their_columns() -> None:
    leads = drawn(10)
    found = leads.take(np.array([3, 1]))
    assert found.scores.tolist() == [leads.scores[3], leads.scores[1]]
    assert found.bands == [leads.bands[3], leads.bands[1]]
    assert found.amounts.tolist() == [leads.amounts[3], leads.amounts[1]]
    assert found.currencies == [leads.currencies[3], leads.currencies[1]]


def test_leads_without_bands_and_money_are_taken_too() -> None:
    found = ScoredOutcomes(SCORES, OUTCOMES).take(np.array([False, True]))
    assert (len(found), found.bands, found.currencies) == (1, (), ())


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="of 2 leads, got 2, 1, 0 and 0"):
        ScoredOutcomes(SCORES, OUTCOMES, ["High"])
    with pytest.raises(ValueError, match="of 2 leads, got 2, 0, 2 and 1"):
        ScoredOutcomes(SCORES, OUTCOMES, (), np.array([1, 2]), ["EUR"])


def test_an_outcome_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(ValueError, match="outcomes of 1, 0 or -1"):
        ScoredOutcomes(SCORES, np.array([1, 2], dtype=np.int8))
