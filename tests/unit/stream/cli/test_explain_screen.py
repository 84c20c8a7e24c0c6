"""Explanations on the terminal, for leads that are there and for those that are not."""

from __future__ import annotations

import pytest

from agents.score_changes import Cause, Part
from stream.cli.explain_screen import show_explanation, show_history
from stream.explanation.explaining import Change
from tests.unit.stream.cli.test_explain_lines import gone


def test_a_lead_whose_record_is_gone_has_the_emitted_reasons(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_explanation(gone())
    shown = capsys.readouterr().out
    assert "L-1  0.2500  Low" in shown
    assert "not there any more: this is what was emitted" in shown
    assert "+0.500" in shown


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (Part(Cause.LEAD, 0.5, "age", 41, None), "age: 41 → missing"),
        (Part(Cause.TIME, 0.5, "created_at", "a", "b"), "created_at (time): a → b"),
        (Part(Cause.TIME, 0.5), "time: a rescore counts the ages of dates to its own time"),
        (Part(Cause.MODEL, 0.5), "the model"),
        (Part(Cause.UNKNOWN, 0.5), "a record of the lead is not there any more"),
        (Part(Cause.LEAD_AND_MODEL, 0.5), "the earlier model can't read the later lead"),
        (Part(Cause.REST, 0.5), "not reproduced"),
        (Part(Cause.LEAD, 0.5, "text", "x" * 100, "y"), f"text: {'x' * 39}… → y"),
    ],
)
def test_each_cause_has_its_words(
    part: Part, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = [gone("a"), gone("b")]
    show_history(scores, [Change(scores[0], scores[1], [part])])
    shown = capsys.readouterr().out
    assert sentence in shown
    assert "+0.500" in shown


def test_a_history_of_one_score_has_no_note_on_parts(capsys: pytest.CaptureFixture[str]) -> None:
    show_history([gone()], [])
    shown = capsys.readouterr().out
    assert "L-1: 1 score\n" in shown
    assert "Log odds:" not in shown
