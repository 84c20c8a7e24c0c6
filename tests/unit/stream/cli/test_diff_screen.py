"""A comparison on the terminal."""

from __future__ import annotations

import numpy as np
import pytest

from agents.comparison.movers import Mover, Scored
from agents.comparison.outcomes import Outcomes
from agents.comparison.report import Counts, Subject, compare
from agents.comparison.segments import SegmentedField
from stream.cli.diff_screen import show_comparison
from tests.unit.agents.comparison.pairs import pair

BEFORE, AFTER = [0.1, 0.7, 0.4, 0.2] * 50, [0.7, 0.7, 0.1, 0.3] * 50


def shown(capsys: pytest.CaptureFixture[str], text: str = "plain") -> str:
    mover = Mover(text, text, Scored(0.1, "Low", []), Scored(0.7, "High", []))
    outcomes = Outcomes(np.ones(200, bool), np.arange(200) % 3 == 0)
    comparison = compare(
        Subject("bank/1", text, text),
        Counts(200, 200, 200, 0, 0, 0),
        2.0,
        pair(BEFORE, AFTER),
        [mover],
        [SegmentedField(text, np.arange(200) % 2, [text, "b"])],
        outcomes=outcomes,
        is_chosen=True,
        notes=[text],
    )
    show_comparison(comparison)
    return capsys.readouterr().out


def test_the_matrix_reads_from_before_to_after(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys)
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.split()}
    assert "Leads of each band, a day" in out
    assert "Bands: rows before, columns after" in out
    assert rows["Low"] == ["50", "50", "0"]
    assert rows["Medium"] == ["0", "0", "50"]


def test_values_of_leads_are_neither_controls_nor_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(capsys, "[red]x[/red]\x1b[2J")
    assert "\x1b" not in out
    assert out.count(r"[red]x[/red]\x1b[2J") >= 5


def test_segments_with_outcomes_show_what_converted_and_what_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shown(capsys)
    [title, head, *rows] = out.partition("By plain, leads with an outcome")[2].splitlines()[:5]
    assert title == ""
    assert head.split()[:3] == ["leads", "converted", "mean"]
    assert rows[0].split()[:3] == ["plain", "100", "34.0%"]
