import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.quality.score_bins import CODES, EDGES, MIDDLES, codes_of

PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50)


@given(scores=PROBABILITIES)
def test_a_score_is_between_the_edges_of_its_bin(scores: list[float]) -> None:
    found = np.array(scores, dtype=np.float32)
    codes = codes_of(found)
    assert (EDGES[codes] <= found).all()
    assert (found <= EDGES[codes + 1]).all()
    assert codes.max() < CODES


@given(scores=PROBABILITIES)
def test_a_higher_score_never_has_a_lower_code(scores: list[float]) -> None:
    codes = codes_of(np.sort(np.array(scores, dtype=np.float32)))
    assert (np.diff(codes.astype(int)) >= 0).all()


@given(score=st.floats(2**-16, 1 - 2**-16, width=32))
def test_the_middle_of_a_bin_is_near_its_scores(score: float) -> None:
    middle = MIDDLES[codes_of(np.array([score]))[0]]
    assert abs(middle - score) <= min(score, 1 - score, 0.25) / 128


def test_bins_are_finer_near_both_ends() -> None:
    widths = np.diff(EDGES)
    assert widths.max() == 1 / 512
    assert np.array_equal(widths, widths[::-1])
    assert widths[codes_of(np.array([0.02]))[0]] == 2**-6 / 128


def test_the_ends_and_the_middle_have_bins() -> None:
    codes = codes_of(np.array([0.0, -0.0, np.nextafter(0.5, 0, dtype=np.float32), 0.5, 1.0]))
    assert codes.tolist() == [0, 0, CODES // 2 - 1, CODES // 2, CODES - 1]


@pytest.mark.parametrize("score", [-0.01, 1.01, np.nan, np.inf])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="expected scores in 0 to 1"):
        codes_of(np.array([0.5, score]))
