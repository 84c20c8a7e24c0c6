"""Plots of a comparison: whole elements, inside their frame."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from agents.comparison.quality import CalibrationPoint
from agents.comparison.score_shift import histogram
from stream.comparison.plots import HEIGHT, WIDTH, bars, calibration, distributions
from tests.unit.agents.comparison.pairs import pair


@pytest.mark.parametrize("scores", [[0.0], [1.0], [0.01, 0.02, 0.03], np.linspace(0, 1, 50)])
def test_a_distribution_of_any_scores_fits_its_frame(scores: list[float]) -> None:
    svg = ElementTree.fromstring(distributions(histogram(pair(scores, scores[::-1]))))
    polygons = svg.findall("polygon")
    assert len(polygons) == 2
    for polygon in polygons:
        places = [tuple(map(float, p.split(","))) for p in polygon.attrib["points"].split()]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert svg.findall("text")[0].text == "0%"


def test_a_point_of_the_calibration_says_what_it_is() -> None:
    curve = [CalibrationPoint(0.1, 0.2, 40), CalibrationPoint(0.5, 0.4, 40)]
    svg = ElementTree.fromstring(calibration(curve, curve[:1]))
    titles = [title.text for title in svg.iter("title")]
    assert titles[0] == "40 leads: score 10.0%, converted 20.0%"
    assert len(titles) == 3


def test_bars_are_as_long_as_their_share_of_the_largest_value() -> None:
    drawn = bars([("High", 260, 412), ("Low", 0, 103)])
    assert re.findall(r"--share:([\d.]+)", drawn) == ["0.6311", "1.0000", "0.0000", "0.2500"]
    assert re.findall(r"<b>([^<]+)", drawn) == ["260", "412", "0", "103"]


def test_labels_are_no_markup_and_nothing_is_no_error() -> None:
    assert "<b>x" not in bars([("<b>x", 1, 2)])
    assert bars([]) == ""
    assert "--share:0.0000" in bars([("none", 0, 0)])
