"""`leadscore dlq` without Kafka: its commands, and which options end them with 2."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli import dlq as module
from stream.cli.dlq import dlq
from stream.dead_letters.dead_letter_log import Span
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.access import Use


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


class FakeLog:
    """A topic with two records: one that can't be read, and one of another program."""

    topic = "leads.created.dlq"

    async def spans(self, use: Use) -> Mapping[int, Span]:
        return {0: Span(3, 5)}

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
        records = (
            UnreadableRecord(0, 3, 0, None, None, (), Problem.CHECKSUM, "its checksum is wrong"),
            RawRecord(0, 4, 0, None, b"x", ()),
        )
        for record in records:
            if spans[0].start <= record.offset < spans[0].end:
                yield record


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("0/3", "expected a readable record at 0/3.*but its checksum is wrong.*runbook"),
        ("0/4", "expected a dead letter at 0/4.*but there is none"),
        ("0/5", "there is none"),
        ("7/3", "there is none"),
    ],
    ids=["unreadable", "foreign", "beyond the end", "no such partition"],
)
def test_a_place_without_a_letter_is_an_error_with_the_reason(
    place: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DeadLetterLog", lambda _: FakeLog())
    result = run("show", place)
    assert result.exit_code == 2
    assert re.search(says, result.stderr)


@pytest.mark.parametrize("command", ["stats", "list", "show", "try", "redrive", "purge"])
def test_every_command_has_an_example(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"leadscore dlq {command}" in result.output
    assert "Exit codes" in result.output
