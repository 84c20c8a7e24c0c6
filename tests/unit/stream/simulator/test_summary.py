"""Progress and summary of a run."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from schemas.errors import ErrorCode
from schemas.store import Schema
from stream.simulator.dry_run import Rehearsal
from stream.simulator.playlist import Playlist
from stream.simulator.run import BrokenEvent, Played
from stream.simulator.summary import (
    rehearsal_record,
    rehearsal_summary,
    summary,
    summary_record,
)

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


def test_outcomes_are_counted_apart() -> None:
    ended = Played(delivered=Counter(outcome=900), failed=Counter(KafkaTimeoutError=7))
    said = summary(Played(), PLAYLIST, "leads", 42, ended).splitlines()
    assert "outcomes    900 delivered" in said
    assert "FAILED      7 (KafkaTimeoutError): not acknowledged by the broker" in said
    record = summary_record(Played(), PLAYLIST, "leads", 42, ended)
    assert (record["outcomes"], record["failed_outcomes"]) == (900, {"KafkaTimeoutError": 7})
    assert "outcomes" not in summary(Played(), PLAYLIST, "leads", 42)


def test_a_terminal_does_not_obey_a_columns_name() -> None:
    odd = replace(PLAYLIST, unused=("a\x1b[2J\nseed        7",))
    said = summary(Played(), odd, "leads", 42).splitlines()
    assert said[-2:] == [
        r"not sent    a\x1b[2J\nseed        7: call has no such field",
        "seed        42",
    ]


REHEARSAL = Rehearsal(
    Counter({"lead": 990, "empty": 10}), {"empty": ErrorCode.WIRE_FORMAT}, 250_000
)


def test_a_rehearsal_says_what_would_be_sent_and_that_nothing_was() -> None:
    assert rehearsal_summary(REHEARSAL, PLAYLIST, "leads", 42).splitlines() == [
        "would send  1,000 events of call to leads, 0.25 MB",
        "good        990",
        "broken      10, each with the code of its dead letter",
        "                 10  empty (WIRE_FORMAT)",
        "not sent    y, duration: call has no such field",
        "seed        42",
        "dry run     nothing was sent, and no broker was asked",
    ]


def test_records_say_whether_anything_was_sent() -> None:
    played = Played(
        delivered=Counter({"lead": 3}), offsets={1: [range(2)], 0: [range(1)]}, seconds=2.0
    )
    sent = summary_record(played, PLAYLIST, "leads", 42)
    assert (sent["is_dry_run"], sent["delivered"], sent["partitions"]) == (
        False,
        3,
        {"1": 2, "0": 1},
    )
    rehearsed = rehearsal_record(REHEARSAL, PLAYLIST, "leads", 42)
    assert (rehearsed["is_dry_run"], rehearsed["events"]) == (True, 1000)
    assert rehearsed["codes"] == {"empty": "WIRE_FORMAT"}
