"""What a run shows: its progress and its summary."""

from collections import Counter
from dataclasses import replace
from io import StringIO
from types import SimpleNamespace

from rich.console import Console

from schemas.errors import ErrorCode
from stream.simulator.playlist import Playlist
from stream.simulator.progress import LINE_EVERY, PlayProgress
from stream.simulator.run import BrokenEvent, Played
from stream.simulator.summary import summary

PLAYLIST = Playlist((), 1000, SimpleNamespace(name="call"), ["y", "duration"])


def shown(terminal, total, steps):
    """What is shown while ``steps`` (seconds, delivered) are told."""
    out, now = StringIO(), [0.0]
    console = Console(file=out, force_terminal=terminal, width=100)
    with PlayProgress("leads", total, console, clock=lambda: now[0]) as progress:
        for seconds, delivered in steps:
            now[0] = seconds
            progress(Played(delivered=Counter(lead=delivered)))
    return out.getvalue()


def test_without_a_terminal_a_line_comes_every_few_seconds():
    steps = [(0.1, 10), (LINE_EVERY, 1000), (LINE_EVERY + 1, 2000), (LINE_EVERY * 2, 12000)]
    assert shown(False, 20_000, steps).splitlines() == [
        "leads: 1,000 of 20,000 delivered, 200/s",
        "leads: 12,000 of 20,000 delivered, 1,200/s",
    ]


def test_a_run_without_end_has_no_total():
    assert shown(False, None, [(LINE_EVERY, 1000)]) == "leads: 1,000 delivered, 200/s\n"


def test_a_short_run_says_nothing_without_a_terminal():
    assert shown(False, 10, [(0.1, 5), (0.2, 10)]) == ""


def test_on_a_terminal_a_bar_shows_the_count():
    assert "500/1000" in shown(True, 1000, [(1.0, 500)])


def test_the_summary_counts_what_was_delivered():
    played = Played(
        delivered=Counter({"lead": 990, "empty": 6, "truncated": 4}),
        offsets={1: [range(500)], 0: [range(400), range(410, 510)]},
        broken=[BrokenEvent(0, at, "empty", ErrorCode.WIRE_FORMAT, "a") for at in range(6)]
        + [BrokenEvent(1, at, "truncated", ErrorCode.DECODE, "b") for at in range(4)],
        seconds=2.0,
    )
    assert summary(played, PLAYLIST, "leads", 42).splitlines() == [
        "delivered   1,000 events of call to leads in 2.0 s (500/s)",
        "good        990",
        "broken      10, each with the code of its dead letter",
        "                  6  empty (WIRE_FORMAT)",
        "                  4  truncated (DECODE)",
        "partitions  0: 500  1: 500",
        "not sent    y, duration: call has no such field",
        "seed        42",
    ]


def test_the_summary_says_what_was_not_delivered():
    played = Played(failed=Counter(KafkaTimeoutError=7), stopped=True)
    text = summary(played, PLAYLIST, "leads", 42)
    assert "FAILED      7 (KafkaTimeoutError): the broker has not acknowledged these" in text
    assert "stopped     before the end, as asked" in text


def test_a_terminal_does_not_obey_a_columns_name():
    odd = replace(PLAYLIST, unused=("a\x1b[2J\nseed        7",))
    said = summary(Played(), odd, "leads", 42).splitlines()
    assert said[-2:] == [
        r"not sent    a\x1b[2J\nseed        7: call has no such field",
        "seed        42",
    ]
