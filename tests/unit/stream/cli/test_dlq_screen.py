"""Tables of dead letters: what they say, and what they must not show."""

from __future__ import annotations

from collections import Counter

import pytest

from schemas.errors import ErrorCode
from schemas.store import SchemaStore
from stream.cli import dlq_screen as module
from stream.cli.dlq_screen import (
    print_letter,
    print_letters,
    print_statistics,
    print_trial,
    warn_out_of_reach,
)
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.rendering import described, listed
from stream.dead_letters.source_retention import SourceRetention
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
    statistics = DeadLetterStatistics(SourceRetention("leads.created", None, 2000))
    statistics.add(odd)
    print_statistics(statistics)
    print_letters([listed(odd)], 2000)
    print_trial({"DECODE": Counter(passed=2, TYPE=1)})
    print_letter(described(odd, store, value=ODD), shows_values=False)
    masked = capsys.readouterr().out
    assert "ann" not in masked
    assert "masked: --values shows" in masked
    print_letters([listed(odd, shows_values=True)], 2000, shows_values=True)
    print_letter(described(odd, store, value=ODD, shows_values=True), shows_values=True)
    shown = capsys.readouterr().out
    assert "ann" in shown
    assert "\x1b" not in masked + shown


def test_statistics_have_the_most_frequent_code_first_with_ages_and_partitions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    statistics = DeadLetterStatistics(SourceRetention("leads.created", None, 50 * HOUR))
    for at in (50 * HOUR - 500, 50 * HOUR - 90_000, HOUR):
        statistics.add(letter(at, partition=2, code=ErrorCode.TYPE))
    statistics.add(letter(49 * HOUR - 1))
    print_statistics(statistics)
    _, first, second, summary = capsys.readouterr().out.splitlines()
    assert first.split() == [
        *("TYPE", "3", "75%", "2", "2", "2", "d", "ago", "now", "2:3"),
    ]
    assert second.split() == [
        *("DECODE", "1", "25%", "0", "1", "1", "h", "ago", "1", "h", "ago", "0:1"),
    ]
    assert summary == "4 dead letters"


def test_the_summary_counts_records_that_are_no_letters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    retention = SourceRetention("leads.created", None, 2000)
    print_statistics(DeadLetterStatistics(retention, foreign=2, unreadable=1))
    said = "0 dead letters, and 2 records of other programs, and 1 record that can't be read\n"
    assert capsys.readouterr().out == said


def test_without_a_letter_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_statistics(DeadLetterStatistics(SourceRetention("leads.created", None, 2000)))
    print_letters([], 0)
    assert capsys.readouterr().out == "0 dead letters\n0 dead letters\n"


def test_a_trial_counts_by_code_what_would_pass_and_how_the_others_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_trial({"TYPE": Counter(passed=2, TYPE=1, source_gone=4), "DECODE": Counter(DECODE=1)})
    _, decode, of_type, summary = capsys.readouterr().out.splitlines()
    assert decode.split() == ["DECODE", "1", "0", "1", "DECODE"]
    assert of_type.split() == ["TYPE", "7", "2", "1", "TYPE,", "4", "source", "gone"]
    assert summary == "2 of 8 dead letters would be scored now"


@pytest.mark.parametrize(
    ("value_from", "says"),
    [
        ("source", "read from the source record"),
        ("source_gone", "is not there any more"),
        ("source_unreadable", "can't be read"),
        ("foreign", "its source is of another topic"),
    ],
)
def test_it_says_where_a_value_that_the_letter_lacks_is(
    value_from: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = dead_letter(None, code=ErrorCode.TOO_LARGE)
    found = DeadLetter.from_record(RawRecord(0, 3, 1000, made.key, None, made.headers))
    assert found is not None
    shown = described(found, SchemaStore.load(), value=None, value_from=value_from)
    print_letter(shown, shows_values=False)
    [line] = [each for each in capsys.readouterr().out.splitlines() if each.startswith("value  ")]
    assert says in line


def test_a_warning_counts_values_that_cannot_be_fetched_any_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    statistics = DeadLetterStatistics(SourceRetention("leads.created", 12 * HOUR, 50 * HOUR))
    warn_out_of_reach(statistics)
    assert capsys.readouterr().err == ""
    made = dead_letter(None, code=ErrorCode.TOO_LARGE, timestamp=37 * HOUR)
    found = DeadLetter.from_record(RawRecord(0, 3, 38 * HOUR, made.key, None, made.headers))
    assert found is not None
    statistics.add(found)
    warn_out_of_reach(statistics)
    said = capsys.readouterr().err
    assert said.startswith("warning: no value can be fetched for 1 dead letter: ")
    assert "leads.created keeps records for 12 h" in said


def test_each_letter_has_one_line_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error was a tower of words, and the time was cut."""
    monkeypatch.setattr(module, "LONGEST_LINE", 80)
    print_letters([listed(letter(timestamp=1000))], 61_000)
    names, row, summary = capsys.readouterr().out.splitlines()
    assert "key" not in names, "it would be masked"
    assert row.split()[:6] == ["0/3", "1", "min", "ago", "DECODE", "0/0"]
    assert {"place", "source", "bytes"} < set(names.split())
    assert len(row) <= 80
    assert summary == "1 dead letter"


def test_places_and_codes_are_whole_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With keys, the place that `show` asks for was cut to a digit, and the code in two."""
    monkeypatch.setattr(module, "LONGEST_LINE", 80)
    row = listed(letter(code=ErrorCode.WIRE_FORMAT), shows_values=True)
    rows = [row | {"place": "12/4711", "source": "12/100000000", "key": "k" * 100}]
    print_letters(rows, 61_000, shows_values=True)
    line = capsys.readouterr().out.splitlines()[1]
    assert {"12/4711", "12/100000000", "WIRE_FORMAT"} < set(line.split())
    assert ("kkkkk…" in line, len(line) <= 80) == (True, True)


def test_codes_are_whole_in_statistics_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IN_A_PIPE", 80)
    statistics = DeadLetterStatistics(SourceRetention("leads.created", None, 50 * HOUR))
    for partition in range(20):
        statistics.add(letter(HOUR, partition, ErrorCode.WIRE_FORMAT))
    print_statistics(statistics)
    _, first, *others = capsys.readouterr().out.splitlines()
    assert first.split()[:3] == ["WIRE_FORMAT", "20", "100%"]
    partitions = " ".join([first.split("ago")[-1], *others[:-1]]).replace(",", "").split()
    assert partitions == [f"{at}:1" for at in range(20)]


def test_a_header_of_a_kilobyte_does_not_fill_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = dead_letter(ODD, b"ann", headers=[("x-trace", b"v" * 400_000)])
    found = DeadLetter.from_record(RawRecord(0, 3, 1000, made.key, ODD, made.headers))
    assert found is not None
    shown = described(found, SchemaStore.load(), value=ODD, shows_values=True)
    print_letter(shown, shows_values=True)
    printed = capsys.readouterr().out
    assert len(printed) < 5000
    assert "… (400,000 characters; --json has all)" in printed


def test_a_pipe_has_the_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    row = {**listed(letter()), "error": "expected a lead, " * 30}
    print_letters([row], 2000)
    assert row["error"].strip() in capsys.readouterr().out
