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


def test_a_narrow_screen_shows_names_and_verdicts_of_segments_in_two_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On 80 columns both vanished: rich leaves out columns that it has no room for."""
    monkeypatch.setattr("stream.cli.diff_screen.WIDTH_IN_A_PIPE", 80)
    lines = shown(capsys).partition("By plain, leads with an outcome")[2].splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["plain", "b"]
    assert lines[4].split() == ["lift", "calibration", "error", "difference"]
    assert lines[5].startswith("plain ")
    assert lines[5].rstrip().endswith(("better", "worse", "noise"))
    assert max(map(len, lines)) <= 80


def test_the_change_of_a_band_is_that_of_the_numbers_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From 20.3 to 47.9 leads a day the change is +28: the reader sees 20 and 48."""
    counts = Counts(69, 69, 69, 0, 0, 0)
    scores = pair([0.7] * 14 + [0.1] * 55, [0.7] * 33 + [0.1] * 36)
    show_comparison(compare(Subject("a", "b", "leads"), counts, 0.69, scores, [], []))
    table = capsys.readouterr().out.partition("Leads of each band, a day")[2].splitlines()
    assert table[2].split() == ["High", "20", "48", "+28"]
