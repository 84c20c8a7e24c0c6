"""The page of a comparison: whole, without a network, and safe."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from agents.comparison.movers import Mover, Scored
from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Comparison, Counts, Subject, compare
from agents.comparison.segments import SegmentedField
from stream.comparison.page import render_page, write_page
from stream.comparison.page_style import STYLE
from tests.unit.agents.comparison.pairs import pair
from tests.unit.html_elements import elements_of

HOSTILE = "<script>alert(1)</script>\x1b[2J"


def comparison(outcomes: Outcomes | None = None, text: str = "bank/2") -> Comparison:
    random = np.random.default_rng(2)
    before = random.random(200)
    after = np.clip(before + random.normal(0, 0.2, 200), 0, 1)
    reason = {"feature": text, "value": text, "contribution": 0.5}
    mover = Mover(text, text, Scored(0.1, "Low", [reason]), Scored(0.9, "High", []))
    return compare(
        Subject("bank/1", text, f"leads of {text}"),
        Counts(200, 200, 200, 0, 0, 0),
        2.0,
        pair(before.tolist(), after.tolist()),
        [mover],
        [SegmentedField(text, np.arange(200) % 3, [text, "b", "c"])],
        outcomes=outcomes,
        is_chosen=True,
        notes=[text],
    )


def test_it_has_every_part_and_every_element_is_closed() -> None:
    won = np.arange(200) % 2 == 0
    page = render_page(comparison(Outcomes(np.ones(200, bool), won)))
    assert page.count("<svg") == 2
    assert {"svg", "table", "h1"} <= elements_of(page)
    for title in (
        "How many leads",
        "Who changes band",
        "The scores",
        "Which is right",
        "keep in mind",
    ):
        assert title in page
    assert re.search(r"<h1>High would be [\d.]+ a day instead of [\d.]+\.</h1>", page)


def test_segments_show_what_became_of_their_leads() -> None:
    won = np.arange(200) % 2 == 0
    page = render_page(comparison(Outcomes(np.ones(200, bool), won)))
    assert "Outcomes" in page
    assert re.search(r"bank/2<small>[^<]+</small></th><td>67</td><td>\d\d\.\d%", page)
    assert "Outcomes" not in render_page(comparison())


def test_nothing_is_loaded_from_elsewhere() -> None:
    page = render_page(comparison())
    assert not re.search(r"https?://|src=|href=|@import|url\(", page)


def test_without_outcomes_it_says_so() -> None:
    assert "Not known" in render_page(comparison())


def test_values_of_leads_are_no_markup() -> None:
    page = render_page(comparison(text=HOSTILE))
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in page


def test_a_model_against_itself_has_a_page_too() -> None:
    counts = Counts(2, 2, 2, 0, 0, 0)
    same = compare(Subject("a", "a", "leads"), counts, None, pair([0, 0], [0, 0]), [], [])
    assert "Nothing would change" in render_page(same)


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "diff.html"
    path.write_text("old")
    write_page(path, comparison())
    assert path.read_text(encoding="utf-8") == render_page(comparison())
    assert [*tmp_path.iterdir()] == [path]


def test_a_folder_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere") as raised:
        write_page(tmp_path / "nowhere" / "diff.html", comparison())
    assert raised.value.filename


def test_on_a_phone_no_figure_of_a_segment_is_beyond_the_edge() -> None:
    """Verdicts and pairs of figures did not wrap, so the last columns were out of sight."""
    narrow = STYLE.partition("@media (max-width:520px)")[2].partition("@media")[0]
    assert ".pairof,th small{white-space:normal}" in narrow
    won = np.arange(200) % 2 == 0
    page = render_page(comparison(Outcomes(np.ones(200, bool), won)))
    assert re.search(r"<span class=pairof>0\.\d\d&nbsp;→ 0\.\d\d</span>", page)
    assert "h2{font-size:19px;margin:0 0 8px;overflow-wrap:anywhere}" in STYLE
