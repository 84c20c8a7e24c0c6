"""The display of a replay: progress in lines of JSON, and its account."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from rich.console import Console

from stream.cli import replay_display as module
from stream.cli.replay_display import (
    LINE_EVERY,
    ReplayDisplay,
    account_lines,
    print_account,
    print_estimate,
    print_replays,
)
from stream.replay.account import Account
from stream.replay.plan import ReplayRecord, State
from stream.replay.ranges import PartitionRange
from stream.replay.runner import Progress
from stream.replay.throttle import Throttle
from stream.replay.trial import Estimate
from tests.unit.stream.replay.test_plan import NOW, plan_of

FIRST, SECOND = PartitionRange(0, 5, 50, 2), PartitionRange(3, 0, 1000)


def progress(first: int, second: int) -> list[Progress]:
    return [
        Progress(FIRST, 5 + first, Account(scored=first)),
        Progress(SECOND, second, Account(scored=second)),
    ]


def throttle(yields_to: str | None = None) -> Throttle:
    made = Throttle(lag_limit=1, latency_limit_ms=1.0)
    made.yields_to = yields_to
    return made


class Shown:
    """A display that prints JSON, and the clock that it reads."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.at = 100.0
        self._capsys = capsys
        console = Console(file=io.StringIO())
        self.display = ReplayDisplay(plan_of(), console, is_json=True, clock=lambda: self.at)

    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self._capsys.readouterr().out.splitlines()]


def test_a_line_of_json_has_the_rate_and_the_time_that_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = Shown(capsys)
    shown.display(progress(0, 0), throttle())
    shown.at += LINE_EVERY
    shown.display(progress(45, 55), throttle("lag 5,000"))
    first, second = shown.lines()
    assert (first["done"], first["offsets"], first["eta_seconds"]) == (0, 1045, None)
    assert (second["replay_id"], second["done"], second["rate"]) == ("r1", 100, 20.0)
    assert second["eta_seconds"] == 47.2
    assert (second["partitions_done"], second["partitions"]) == (1, 2)
    assert second["yields_to"] == "lag 5,000"
    assert (second["scored"], second["gaps"]) == (100, 0)


def test_lines_come_at_an_interval_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(capsys)
    for second in range(8):
        shown.display(progress(second, second), throttle())
        shown.at += 1.0
    assert [line["done"] for line in shown.lines()] == [0, 10]
    shown.display(progress(45, 1000), throttle())
    assert [line["done"] for line in shown.lines()] == [1045], "the end is not left out"


def test_before_the_first_partition_is_known_nothing_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = Shown(capsys)
    shown.display([], throttle())
    assert shown.lines() == []


def test_without_a_terminal_people_see_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with ReplayDisplay(plan_of(), Console(file=stream), is_json=False) as display:
        display(progress(1, 1), throttle())
    assert (stream.getvalue(), capsys.readouterr().out) == ("", "")


def test_on_a_terminal_a_bar_shows_the_partitions_and_why_it_is_slow() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=150)
    with ReplayDisplay(plan_of(), console, is_json=False) as display:
        display(progress(45, 0), throttle("lag 5,000"))
    assert "1 of 2 partitions" in stream.getvalue()
    assert "yields: lag 5,000" in stream.getvalue()


def test_on_a_terminal_a_replay_starts_until_its_partitions_are_known() -> None:
    """It showed "0/s 0 of 0 partitions", as if there were nothing to do."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=150)
    with ReplayDisplay(plan_of(), console, is_json=False) as display:
        display([], throttle())
    assert "starting" in stream.getvalue()
    assert "partitions" not in stream.getvalue()


def test_a_narrow_terminal_keeps_the_bar_and_shows_that_the_replay_yields() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with ReplayDisplay(plan_of(), console, is_json=False) as display:
        display(progress(45, 0), throttle("the workers' lag is 25,000 records (limit 20,000)"))
    assert "0/s, yields" in stream.getvalue()
    assert "1 of 2 partitions" in stream.getvalue()
    assert "━" in stream.getvalue()


def test_the_account_of_a_range_says_what_was_read_and_whether_it_adds_up() -> None:
    complete = Progress(FIRST, 50, Account(scored=30, dead_lettered=4, expired=8, gaps=3))
    short = Progress(FIRST, 50, Account(scored=30))
    first, second = account_lines([complete, short])
    assert (first["read"], first["expired"], first["gaps"]) == (42, 8, 3)
    assert (first["start"], first["end"], first["offset"]) == (5, 50, 50)
    assert (first["is_balanced"], second["is_balanced"]) == (True, False)


def test_the_table_has_a_line_for_each_partition_and_their_sum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_account(plan_of(), progress(45, 1000))
    title, _, first, second, total = capsys.readouterr().out.splitlines()
    assert title.startswith("replay r1: leads.created to leads.rescored.r1, model leads/3 (9f9f9f")
    assert first.split() == [*("0", "5", "to", "50", "of", "50"), *("45",) * 2, *("0",) * 5]
    assert second.split()[:7] == ["3", "0", "to", "1,000", "of", "1,000", "1,000"]
    assert total.split()[:3] == ["all", "1,045", "1,045"]


def test_a_narrow_terminal_has_the_counts_that_are_not_0_each_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of columns were cut off, and offsets broken into three lines."""
    monkeypatch.setattr(module, "console", lambda _: Console(width=80))
    done = [Progress(FIRST, 50, Account(scored=42, dead_lettered=3))]
    print_account(plan_of(), done)
    _, names, row = capsys.readouterr().out.splitlines()
    assert names.split() == ["partition", "offsets", "read", "scored", "dead-lettered"]
    assert row.split() == ["0", "5", "to", "50", "of", "50", "45", "42", "3"]


def test_a_narrow_terminal_shows_the_whole_output_topic(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "console", lambda _: Console(width=80))
    print_replays([record(id="20260531-093000-1f2e", out="leads.rescored.20260531-093000-1f2e")])
    _, *rows = capsys.readouterr().out.splitlines()
    assert "".join(row[69:].strip() for row in rows) == "leads.rescored.20260531-093000-1f2e"


def record(state: State = "planned", **given: Any) -> ReplayRecord:
    return ReplayRecord(state=state, plan=plan_of(ranges=(FIRST, SECOND), **given), written_at=NOW)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("planned", "`leadscore replay resume r1` continues"),
        ("ended", "; done"),
        ("cancelled", "; cancelled: what was written stays"),
    ],
)
def test_a_replay_says_how_far_it_is_and_what_its_state_means(
    capsys: pytest.CaptureFixture[str], state: State, says: str
) -> None:
    print_account(plan_of(), progress(45, 55), record(state))
    _, out, *_ = capsys.readouterr().out.splitlines()
    assert out.startswith(f"100 of 1,045 offsets (9.6%), planned {NOW:%Y-%m-%d %H:%M} UTC; ")
    assert says in out


def test_the_list_has_a_line_for_each_replay_below_the_names_of_its_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_replays([record(), record("ended", id="backfill-4", out="leads.\x1b[31mrescored")])
    names, first, second = capsys.readouterr().out.splitlines()
    assert names.split() == ["id", "state", "planned", "offsets", "model", "output"]
    assert first.split()[:2] == ["r1", "planned"]
    assert second.split()[:2] == ["backfill-4", "ended"]
    assert "1,045" in first
    assert "\x1b" not in second


def test_an_empty_list_says_how_to_begin_and_prints_nothing_for_a_script(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_replays([])
    out, err = capsys.readouterr()
    assert out == ""
    assert "`leadscore replay start` begins one" in err


def test_a_dry_run_scales_its_sample_to_all_offsets(capsys: pytest.CaptureFixture[str]) -> None:
    estimate = Estimate(
        offsets=1000,
        expired=7,
        sampled=100,
        scored=80,
        filtered=15,
        dead_letters={"TYPE": 4, "DECODE": 1},
        records=993,
        events=794,
        letters=50,
        bytes_read=2_000_000,
        bytes_written=500_000,
        seconds=1.5,
    )
    print_estimate(plan_of(ranges=(PartitionRange(0, 5, 50, 12),)), estimate, 10.0)
    out = capsys.readouterr().out
    assert "1,000 offsets in 1 of 4 partitions of leads.created; 7 have expired" in out
    assert "80 would be scored, 15 left out, 5 dead letters (1 DECODE, 4 TYPE)" in out
    assert "about 794 events and 50 dead letters; reads 2.0 MB, writes 0.5 MB; 1.5 s" in out
    assert "in one process; 99 s at --max-rate" in out
    assert out.endswith("Nothing was written\n")


def test_a_dry_run_of_nothing_divides_by_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Estimate(0, 0, 0, 0, 0, {}, 0, 0, 0, 0, 0, 0.0)
    print_estimate(plan_of(ranges=()), nothing)
    assert "about 0 events and 0 dead letters" in capsys.readouterr().out
