import math

import pytest

from monitoring.quality.figure import Figure, proportion


def test_an_interval_is_cut_to_the_range_that_a_figure_can_have() -> None:
    figure = Figure.of_error(0.9, 0.1, high=1.0)
    assert (figure.value, figure.high) == (0.9, 1.0)
    assert figure.low == pytest.approx(0.704, abs=1e-3)
    assert Figure.of_error(0.9, math.inf, high=1.0) == Figure(0.9, 0.0, 1.0)


def test_a_share_of_none_or_all_has_an_interval() -> None:
    nobody, everybody = proportion(0, 10), proportion(10, 10)
    assert (nobody.value, nobody.low) == (0.0, 0.0)
    assert nobody.high == pytest.approx(0.2775, abs=1e-4)
    assert everybody.low == pytest.approx(1 - nobody.high)


def test_there_is_no_share_of_no_trials() -> None:
    assert proportion(0, 0) is None
