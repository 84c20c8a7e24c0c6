"""Tables of dead letters: what they say, and what they must not show."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.errors import ErrorCode
from schemas.store import SchemaStore
from stream.cli.dlq_screen import print_letter, print_letters, print_statistics, print_trial
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.rendering import described, listed
from stream.dead_letters.statistics import DeadLetterStatistics
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter

ODD = b'{"lead_id": "ann\x1b[2J"'
HOUR = 3_600_000


def letter(
    timestamp: int = 1000, partition: int = 0, code: ErrorCode = ErrorCode.DECODE
) -> DeadLetter:
    made = dead_letter(ODD, b"ann\x1b[2J", partition=partition, code=code)
    found = DeadLetter.from_record(RawRecord(0, 3, timestamp, made.key, ODD, made.headers))
    assert found is not None
    return found


def test_the_tables_have_no_control_characters_and_no_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    odd, store = letter(), SchemaStore.load()
    statistics = DeadLetterStatistics(2000)
    statistics.add(odd)
    print_statistics(statistics)
    print_letters([listed(odd)])
    print_trial({"DECODE": Counter(passed=2, TYPE=1)})
    print_letter(described(odd, store, value=ODD), shows_values=False)
    masked = capsys.readouterr().out
    assert "ann" not in masked
    assert "masked: --values shows" in masked
    print_letters([listed(odd, shows_values=True)])
    print_letter(described(odd, store, value=ODD, shows_values=True), shows_values=True)
    shown = capsys.readouterr().out
    assert "ann" in shown
    assert "\x1b" not in masked + shown


def test_statistics_have_the_most_frequent_code_first_with_ages_and_partitions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    statistics = DeadLetterStatistics(50 * HOUR)
    for at in (50 * HOUR - 500, 50 * HOUR - 90_000, HOUR):
        statistics.add(letter(at, partition=2, code=ErrorCode.TYPE))
    statistics.add(letter(49 * HOUR - 1))
    print_statistics(statistics)
    _, first, second, summary = capsys.readouterr().out.splitlines()
    assert first.split() == [
        *("TYPE", "3", "75%", "2", "2", "2", "d", "ago", "now", "2:", "3"),
    ]
    assert second.split() == [
        *("DECODE", "1", "25%", "0", "1", "1", "h", "ago", "1", "h", "ago", "0:", "1"),
    ]
    assert summary == "4 dead letters"


def test_without_a_letter_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_statistics(DeadLetterStatistics(2000))
    print_letters([])
    assert capsys.readouterr().out == "0 dead letters\n0 dead letters\n"


def test_a_trial_counts_by_code_what_would_pass_and_how_the_others_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_trial({"TYPE": Counter(passed=2, TYPE=1, source_gone=4), "DECODE": Counter(DECODE=1)})
    _, decode, of_type, summary = capsys.readouterr().out.splitlines()
    assert decode.split() == ["DECODE", "1", "0", "1", "DECODE"]
    assert of_type.split() == ["TYPE", "7", "2", "1", "TYPE,", "4", "source_gone"]
    assert summary == "2 of 8 dead letters would be scored now"
