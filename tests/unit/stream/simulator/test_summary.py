"""Progress and summary of a run."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from schemas.errors import ErrorCode
from schemas.store import Schema
from stream.simulator.playlist import Playlist
from stream.simulator.run import BrokenEvent, Played
from stream.simulator.summary import summary

PLAYLIST = Playlist((), 1000, cast("Schema", SimpleNamespace(name="call")), ["y", "duration"])


def test_the_summary_counts_what_was_delivered() -> None:
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


def test_the_summary_says_what_was_not_delivered() -> None:
    played = Played(failed=Counter(KafkaTimeoutError=7), stopped=True)
    text = summary(played, PLAYLIST, "leads", 42)
    assert "FAILED      7 (KafkaTimeoutError): not acknowledged by the broker" in text
    assert "stopped     before the end, as requested" in text


def test_a_terminal_does_not_obey_a_columns_name() -> None:
    odd = replace(PLAYLIST, unused=("a\x1b[2J\nseed        7",))
    said = summary(Played(), odd, "leads", 42).splitlines()
    assert said[-2:] == [
        r"not sent    a\x1b[2J\nseed        7: call has no such field",
        "seed        42",
    ]
