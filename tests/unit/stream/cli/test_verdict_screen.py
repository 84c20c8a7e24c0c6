"""A verdict on the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from agents.verdict.verdict import Verdict
from stream.cli.verdict_screen import show_verdict
from tests.unit.agents.verdict.test_verdict import SUBJECT, pairs, verdict_of


def shown(verdict: Verdict) -> str:
    out = io.StringIO()
    show_verdict(verdict, Console(file=out, width=120))
    return out.getvalue()


def test_the_answer_is_first() -> None:
    lines = shown(verdict_of(pairs(3000, 0.25, 0.0))).splitlines()
    assert lines[0] == "leads/2 against leads/1"
    assert lines[1] == "3,000 leads of leads.created"
    assert lines[3].startswith("Better with 95 %: yes.")


def test_quality_bands_scores_and_work_are_tables() -> None:
    text = shown(verdict_of(pairs(3000, 0.25, 0.0)))
    for title in ("Quality on 3,000 outcomes", "Bands: rows live", "Scores (KS distance", "Work"):
        assert title in text, title
    rows = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    assert rows["scored"][1:] == ["3,002", "3,000"]
    assert rows["dead letters"][2:] == ["0", "2"]
    assert rows["Brier score"][2].startswith("+0.0")
    assert rows["latency, 50%"][-1] == "ms"


def test_without_outcomes_there_is_no_quality() -> None:
    text = shown(verdict_of(pairs(200, 0.1, 0.1, known=False)))
    assert "Quality" not in text
    assert "Work" in text


def test_without_a_pair_there_are_only_sentences() -> None:
    verdict = Verdict(SUBJECT, notes=["Records that are no scored event: 3."])
    text = shown(verdict)
    assert "No lead has both scores." in text
    assert "no scored event: 3" in text
    assert "Work" not in text
