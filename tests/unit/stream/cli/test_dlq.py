"""`leadscore dlq` without Kafka: its options, its tables, and what must not be shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner

from schemas.errors import ErrorCode
from schemas.store import SchemaStore
from stream.cli.dlq import dlq
from stream.cli.dlq_options import selected, selection_options
from stream.cli.dlq_screen import print_letter, print_letters, print_statistics, print_trial
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.rendering import described, listed
from stream.dead_letters.selection import Selection, hashed
from stream.dead_letters.statistics import DeadLetterStatistics
from stream.fetch.raw_records import RawRecord
from testing.dead_letters import dead_letter

ODD = b'{"lead_id": "ann\x1b[2J"'


def run(*arguments: str) -> Any:
    return CliRunner().invoke(dlq, list(arguments))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "--code", "ODD"), "--code"),
        (("list", "--since", "soon"), "or how long ago"),
        (("list", "--source", "a/1"), "such as 2/4711"),
        (("show", "17"), "such as 2/4711"),
        (("redrive", "--resume", "r1", "--dry-run"), "give it alone"),
        (("redrive", "--resume", "r1", "--code", "TYPE"), "give it alone"),
        (("redrive", "--max-attempts", "0"), "--max-attempts"),
    ],
)
def test_options_that_are_unusable_end_it_with_2(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.output


@pytest.mark.parametrize("command", ["stats", "list", "show", "try", "redrive", "purge"])
def test_every_command_has_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"leadscore dlq {command}" in result.output
    assert "Exit codes" in result.output


def selection_of(*arguments: str) -> Selection:
    found = []

    @click.command()
    @selection_options
    def command(**options: Any) -> None:
        found.append(selected(options))

    assert CliRunner().invoke(command, list(arguments)).exit_code == 0
    return found[0]


def test_options_become_a_selection() -> None:
    assert selection_of() == Selection()
    given = selection_of(
        *("--code", "type", "--code", "TIME", "--id", "ann"),
        *("--source", "2", "--source", "3/7", "--since", "6h", "--until", "2100-01-01"),
    )
    assert (given.codes, given.keys) == ({"TYPE", "TIME"}, hashed(["ann"]))
    assert given.sources == {(2, None), (3, 7)}
    ago = datetime.now(UTC).timestamp() * 1000 - (given.since_ms or 0)
    assert abs(ago - timedelta(hours=6).total_seconds() * 1000) < 60_000
    assert given.until_ms == 4_102_444_800_000


def odd_letter() -> DeadLetter:
    made = dead_letter(ODD, b"ann\x1b[2J", code=ErrorCode.DECODE)
    found = DeadLetter.from_record(RawRecord(0, 3, 1000, made.key, ODD, made.headers))
    assert found is not None
    return found


def test_the_tables_have_no_control_characters_and_no_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    letter, store = odd_letter(), SchemaStore.load()
    statistics = DeadLetterStatistics(2000)
    statistics.add(letter)
    print_statistics(statistics)
    print_letters([listed(letter)])
    print_trial({"DECODE": Counter(passed=2, TYPE=1)})
    print_letter(described(letter, store, value=ODD), shows_values=False)
    masked = capsys.readouterr().out
    assert "ann" not in masked
    assert "2 of 3 dead letters would be scored now" in masked
    assert "masked: --values shows" in masked
    print_letters([listed(letter, shows_values=True)])
    print_letter(described(letter, store, value=ODD, shows_values=True), shows_values=True)
    shown = capsys.readouterr().out
    assert "ann" in shown
    assert "\x1b" not in masked + shown
