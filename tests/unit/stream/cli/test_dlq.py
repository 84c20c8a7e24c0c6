"""`leadscore dlq` without Kafka: its commands, and which options end them with 2."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli import dlq as module
from stream.cli.dlq import dlq
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.selection import Selection
from stream.fetch.raw_records import RawRecord
from stream.kafka.access import Use
from stream.settings import Settings
from testing.dead_letters import dead_letter


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


@pytest.mark.parametrize(
    ("options", "topic", "use"),
    [
        ((), "leads.created.dlq", Use.DLQ),
        (("--sinks",), "leads.sinks.dlq", Use.SINK_REDRIVE),
    ],
)
def test_letters_of_sinks_are_listed_from_their_topic_with_their_sink(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], topic: str, use: Use
) -> None:
    asked: list[tuple[str, Use]] = []

    class FakeLog:
        def __init__(self, settings: Settings, topic: str | None) -> None:
            self._topic = topic or settings.leads_created_dlq

        async def spans(self, use: Use, since_ms: int | None) -> Mapping[int, Span]:
            asked.append((self._topic, use))
            return {0: Span(0, 1)}

        async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
            given = [("leadscore.sink", b"files")] if "sinks" in self._topic else []
            letter = dead_letter(b"x", b"ann", headers=given)
            yield RawRecord(0, 3, 0, letter.key, letter.value, letter.headers)

    monkeypatch.setattr(module, "DeadLetterLog", FakeLog)
    names, row, _ = run("list", *options).stdout.splitlines()
    assert asked == [(topic, use)]
    assert ("sink" in names.split()) == ("files" in row.split()) == bool(options)


async def test_a_pipe_that_is_closed_ends_the_reading_without_a_traceback() -> None:
    """`leadscore dlq try --json | head -1` left the reader of the topic open."""
    closed: list[bool] = []

    class FakeLog:
        async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
            try:
                letter = dead_letter(b"x", b"ann")
                yield RawRecord(0, 3, 0, letter.key, letter.value, letter.headers)
            finally:
                closed.append(True)

    spans = {0: Span(0, 1)}
    async with aclosing(module._letters(FakeLog(), spans, Selection())) as letters:  # type: ignore[arg-type]
        assert (await anext(letters)).key == b"ann"
    assert closed == [True]
