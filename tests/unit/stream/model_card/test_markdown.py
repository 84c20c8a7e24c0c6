from __future__ import annotations

from agents.comparison.quality import CalibrationPoint
from stream.model_card.card import Bars, Card, Curve, Section, Table
from stream.model_card.markdown import render_markdown
from tests.unit.stream.model_card.card_bundles import HOSTILE

CARD = Card(
    "bank version 1",
    ("production",),
    ("Better.",),
    (
        Section("Data", ("A sentence.",), (Table(("", "leads"), (("a", "1"), (HOSTILE, "2"))),)),
        Section("Lift", (), (Bars("tenth", (("best", 2.0, "2.00×"), ("last", 0.0, "0"))),)),
        Section("Calibration", (), (Curve((CalibrationPoint(0.5, 0.4, 10),)),)),
    ),
)


def test_a_card_is_headings_sentences_and_tables() -> None:
    lines = render_markdown(CARD).splitlines()
    assert lines[0] == "# bank version 1"
    assert "**Better.**" in lines
    assert "## Data" in lines
    at = lines.index("|  | leads |")
    assert lines[at + 1 : at + 3] == ["| --- | --- |", "| a | 1 |"]


def test_bars_are_as_long_as_their_values() -> None:
    lines = render_markdown(CARD).splitlines()
    assert f"| best | {'█' * 30} | 2.00× |" in lines
    assert "| last |  | 0 |" in lines
    assert f"| 50.0% | 40.0% | 10 | {'█' * 12} |" in lines


def test_names_in_the_data_are_text_and_no_markup() -> None:
    text = render_markdown(CARD)
    assert r"\<script\>alert(1)\</script\>\|\`x\`" in text
    assert "\x1b" not in text
