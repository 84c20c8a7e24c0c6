"""The live view and the summary of the demo."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from features.table import Table
from features.table_file import read_table
from schemas.errors import ErrorCode
from stream.demo.audit import Audit, ScoredLead
from stream.demo.screen import LINES_EVERY, SHOWN, DemoScreen
from stream.simulator.run import BrokenEvent, Played

FIRST_MS = 1_230_000_000_000


CATEGORIES = ("Low", "Medium", "High")


LEADS = 40


def scored(n: int) -> ScoredLead:
    reasons = [
        {"feature": f"field_{i}", "value": "[a level] or more", "contribution": 0.5 - i}
        for i in range(3)
    ]
    category = CATEGORIES[n % 3]
    return ScoredLead((0, n), f"contact-{n:05}", FIRST_MS, FIRST_MS, n / LEADS, category, reasons)


@pytest.fixture
def rest(tmp_path: Path) -> Table:
    """The leads of the run; every other one subscribed."""
    rows = "".join(f"contact-{n:05},{'yes' if n % 2 else 'no'}\n" for n in range(LEADS))
    (tmp_path / "rest.csv").write_text("lead_id,y\n" + rows)
    return read_table(tmp_path / "rest.csv")


@pytest.fixture
def audit() -> Audit:
    audit = Audit()
    audit.add_scored([scored(n) for n in range(LEADS)], FIRST_MS + 25.0)
    audit.add_dead(0, {"__connect.errors.offset": b"99", "leadscore.error.code": b"DECODE"})
    return audit


@pytest.fixture
def played() -> Played:
    played = Played()
    played.delivered = Counter(lead=LEADS, garbage=1, thin=1)
    played.broken = [
        BrokenEvent(0, 99, "garbage", ErrorCode.DECODE, "x"),
        BrokenEvent(0, 5, "thin", ErrorCode.FEATURES, "contact-00005"),
    ]
    return played


class Screen:
    """A screen and what is on it."""

    def __init__(self, width: int, *, is_terminal: bool) -> None:
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=width,
            height=24,
            force_terminal=is_terminal,
            color_system=None,
            legacy_windows=False,
        )
        self.demo = DemoScreen(self._console)

    @property
    def text(self) -> str:
        return self._out.getvalue()

    def live(self, audit: Audit) -> list[str]:
        """The live view as it is now."""
        with self._console.capture() as captured:
            self._console.print(self.demo._render(audit))
        return captured.get().splitlines()


@pytest.fixture(params=[80, 100, 200])
def terminal(request: pytest.FixtureRequest) -> Screen:
    return Screen(request.param, is_terminal=True)


@pytest.fixture
def pipe() -> Screen:
    return Screen(80, is_terminal=False)


def show_all(screen: Screen, audit: Audit, played: Played) -> list[str]:
    with screen.demo.playing(played.sent, audit):
        screen.demo.played(played)
        for n in range(LEADS):
            screen.demo.scored([scored(n)])
    return screen.live(audit)


def test_the_live_view_shows_id_score_band_and_reasons(
    terminal: Screen, audit: Audit, played: Played
) -> None:
    head, *lines = show_all(terminal, audit, played)
    assert head.split() == ["lead", "score", "band", "because"]
    assert [line.split()[0] for line in lines[:SHOWN]] == [
        f"contact-{n:05}" for n in range(LEADS - SHOWN, LEADS)
    ]
    assert lines[SHOWN - 1].split()[:3] == ["contact-00039", "0.975", "Low"]
    assert "field_0 [a level] or more (+0.50)" in lines[0]


def test_the_live_view_shows_how_far_it_is_and_fits(
    terminal: Screen, audit: Audit, played: Played
) -> None:
    lines = show_all(terminal, audit, played)
    assert len(lines) == SHOWN + 6
    sent, out, bands, drift = lines[-4:]
    assert sent.startswith("sent ")
    assert sent.rstrip().endswith("42 of 42")
    assert out.startswith("scored ")
    assert out.rstrip().endswith("41 of 42")
    assert bands.split() == ["High", "13", "Medium", "13", "Low", "14", "dead", "letters", "1"]
    assert drift.split() == ["drift"]


def drift_report(**drifted: Any) -> dict[str, Any]:
    """A report of two spans, of which the longer has leads enough."""
    fields = [
        {"name": name, "is_score": False, "is_drifted": psi > 0.25, "psi": psi}
        | {"state": "critical" if psi > 0.5 else "ok", "since": 1_230_000_000_000}
        for name, psi in {"age": 0.0, **drifted}.items()
    ]
    score = {"name": "score", "is_score": True, "is_drifted": True, "psi": 0.4}
    score |= {"state": "warn", "since": None}
    known = {"name": "90d", "end": 1_240_000_000_000, "state": "critical"}
    known |= {"fields": [*fields, score], "diagnosis": "covariate"}
    few = {"name": "30d", "state": "too_few", "fields": []}
    return {"kind": "window", "horizons": [few, known]}


def test_the_live_view_shows_drift(terminal: Screen, audit: Audit, played: Played) -> None:
    show_all(terminal, audit, played)
    terminal.demo.drifted(drift_report(euribor=9.21, month=1.0))
    assert terminal.demo.reports == 1
    last = terminal.live(audit)[-1]
    assert last.startswith("drift    90d to Apr 2009: 2 of 3 fields drifted (PSI: euribor 9.2")
    assert last.endswith("…") or "month 1.0" in last


def test_drifted_fields_are_printed_once_in_a_pipe(pipe: Screen) -> None:
    for _ in range(2):
        pipe.demo.drifted(drift_report(euribor=9.21))
    [line] = pipe.text.splitlines()
    assert line.endswith("new: euribor, the score")


def test_the_summary_names_the_fields_and_since_when(pipe: Screen) -> None:
    pipe.demo.drift_summary()
    pipe.demo.drifted(drift_report(euribor=9.21))
    pipe.demo.drift_summary()
    said = pipe.text
    assert "no window had enough leads" in said
    assert re.search(r"^ +euribor +PSI +9.21 critical since Dec 2008", said, re.MULTILINE)
    assert re.search(r"^ +the score +PSI +0.40 warn +since -", said, re.MULTILINE)
    assert "compare scores with outcomes" in said


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_terminal_does_not_obey_a_leads_text(
    audit: Audit, played: Played, is_terminal: bool
) -> None:
    screen = Screen(120, is_terminal=is_terminal)
    odd = "a\x1b]0;owned\x07\n\u202e"
    lead = scored(1)._replace(
        lead_id=odd, reasons=[{"feature": odd, "value": odd, "contribution": 1.0}]
    )
    report = drift_report(**{odd: 3.0})
    with screen.demo.playing(played.sent, audit):
        screen.demo.scored([lead] * LINES_EVERY)
        screen.demo.drifted(report)
        screen.demo.drift_summary()
    said = "\n".join([screen.text, *screen.live(audit)])
    assert r"a\x1b]0;owned" in said
    assert not any(character in said for character in ("]0;owned\x07", "\u202e"))


def test_the_lead_with_the_highest_score_of_each_batch_is_shown(audit: Audit) -> None:
    screen = Screen(100, is_terminal=True)
    screen.demo.scored([scored(1), scored(30), scored(7)])
    screen.demo.scored([])
    assert [line.split()[0] for line in screen.live(audit)[1:2]] == ["contact-00030"]


def test_in_a_pipe_there_is_a_line_every_so_often(
    pipe: Screen, audit: Audit, played: Played
) -> None:
    with pipe.demo.playing(played.sent, audit):
        for _ in range(3):
            pipe.demo.scored([scored(3)] * (LINES_EVERY - 500))
    pipe.demo.scored([scored(3)] * LINES_EVERY)  # after the first act
    lines = pipe.text.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("   3,000 scored; contact-00003 0.075 Low    field_0 [a level] or")
    assert lines[0].endswith("(-1.50)")


def test_a_long_line_stays_whole_in_a_pipe_and_is_folded_at_words_on_a_terminal(
    terminal: Screen, pipe: Screen
) -> None:
    words = "every word [of this] is to be read, and none of them is to be cut in two by the edge"
    pipe.demo.say("Label", words)
    assert pipe.text == f"Label    {words}\n"
    terminal.demo.say("Label", words)
    first, *more = terminal.text.splitlines()
    assert first.startswith("Label    every word [of this]")
    assert all(line.startswith(" " * 9) for line in more)
    assert " ".join(terminal.text.split()) == f"Label {words}"


def summary_of(screen: Screen, audit: Audit, played: Played, rest: Table) -> str:
    for lead in audit.scored.values():
        screen.demo.scored([lead])
    screen.demo.summary(audit, played, rest, seconds=2.0)
    return screen.text


def test_the_summary_has_counts_and_speed(
    pipe: Screen, audit: Audit, played: Played, rest: Table
) -> None:
    text = summary_of(pipe, audit, played, rest)
    for line in (
        "Sent     42 leads, 2 of them broken on purpose; 1 of these had too few fields: scored, but"
        " flagged",
        "Scored   40 (13 High, 13 Medium, 14 Low)",
        "Dead     1 (1 DECODE)",
        "Speed    20 leads/s, as they were sent; from event to scored event p50 25 ms, p99 25 ms",
    ):
        assert line in text
    assert "AUC 0.5" in text
    assert "50.0% subscribed" in text


def test_the_summary_fits_a_terminal(
    terminal: Screen, audit: Audit, played: Played, rest: Table
) -> None:
    text = summary_of(terminal, audit, played, rest)
    terminal.demo.next_steps(".leadscore/demo/models", "bank", "1")
    assert "Next     .venv/bin/leadscore --help" in terminal.text
    assert "models show .leadscore/demo/models/bank/1" in terminal.text
    said = " ".join(terminal.text.split())
    assert "models history bank --registry .leadscore/demo/models" in said
    assert "Outcome" in text


def test_the_audit_counts_all_leads(pipe: Screen, audit: Audit, played: Played) -> None:
    pipe.demo.audited(audit, played, [])
    assert pipe.text.endswith(
        "Audit    every lead of the 42 that were sent has a score (40) or a dead letter (1)\n"
    )


def test_faults_are_printed(pipe: Screen, audit: Audit, played: Played) -> None:
    pipe.demo.audited(audit, played, ["1 leads were sent but have no output"])
    assert "Audit    FAILED: 1 leads were sent but have no output" in pipe.text
    assert "every lead" not in pipe.text


def test_a_lead_that_was_never_sent_is_a_fault_and_no_crash(
    pipe: Screen, audit: Audit, played: Played, rest: Table
) -> None:
    audit.add_scored([scored(0)._replace(source=(3, 3), lead_id="stranger")], FIRST_MS + 1.0)
    assert "Outcome" in summary_of(pipe, audit, played, rest)


def test_a_run_without_an_output_has_no_speed(pipe: Screen, played: Played, rest: Table) -> None:
    text = summary_of(pipe, Audit(), played, rest)
    assert "Scored   0 (0 High, 0 Medium, 0 Low)" in text
    assert "Dead     0 (none)" in text
    assert "Speed" not in text
