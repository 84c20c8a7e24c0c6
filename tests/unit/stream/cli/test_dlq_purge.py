"""`leadscore dlq purge`: nothing is deleted without a confirmation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from schemas.errors import ErrorCode
from stream.cli import dlq_purge as module
from stream.dead_letters.dead_letter_log import Span
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.access import Use
from stream.settings import Settings
from testing.dead_letters import dead_letter


class FakeLog:
    """A topic with two letters, a record of another program, and one that can't be read."""

    def __init__(self, settings: Settings) -> None:
        self.topic = settings.leads_created_dlq
        self.until_ms: int | None = None

    async def spans(self, use: Use, *, until_ms: int | None = None) -> Mapping[int, Span]:
        assert use is Use.PURGE, "it has rights of its own"
        self.until_ms = until_ms
        return {0: Span(5, 9)}

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
        assert spans == {0: Span(5, 9)}
        for offset, code in ((5, ErrorCode.TYPE), (6, ErrorCode.DECODE)):
            made = dead_letter(b"x", code=code)
            yield RawRecord(0, offset, 1000, None, b"x", made.headers)
        yield RawRecord(0, 7, 1000, None, b"x", ())
        yield UnreadableRecord(0, 8, 0, None, None, (), Problem.CHECKSUM, "its checksum is wrong")


@pytest.fixture
def deleted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[FakeLog, Mapping[int, Span]]]:
    """Deletions, recorded instead of carried out."""
    found: list[tuple[FakeLog, Mapping[int, Span]]] = []

    async def delete(settings: Settings, log: Any, spans: Mapping[int, Span]) -> None:
        found.append((log, spans))

    monkeypatch.setattr(module, "DeadLetterLog", FakeLog)
    monkeypatch.setattr(module, "delete_letters", delete)
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(module.purge, list(arguments))


def test_letters_up_to_the_ends_that_were_counted_are_deleted(deleted: list[Any]) -> None:
    result = run("--yes")
    assert result.exit_code == 0, result.output
    [(log, spans)] = deleted
    assert (log.until_ms, spans) == (None, {0: Span(5, 9)})
    assert result.stdout == (
        "4 dead letters of leads.created.dlq deleted (1 DECODE, 1 TYPE, 1 of another program,"
        " 1 unreadable)\n"
    )


def test_only_letters_before_a_time_are_deleted(deleted: list[Any]) -> None:
    assert run("--yes", "--until", "2026-05-31T09:30").exit_code == 0
    [(log, _)] = deleted
    assert log.until_ms == 1_780_219_800_000


def test_a_dry_run_counts_and_deletes_nothing(deleted: list[Any]) -> None:
    result = run("--dry-run")
    assert (result.exit_code, deleted) == (0, [])
    assert "4 dead letters of leads.created.dlq would be deleted" in result.stdout


def test_without_a_terminal_and_without_yes_nothing_is_deleted(deleted: list[Any]) -> None:
    result = run()
    assert (result.exit_code, deleted) == (2, [])
    assert "Delete 4 dead letters of leads.created.dlq?" in result.stderr
    assert "--yes" in result.stderr


def test_json_has_the_counts_by_code(deleted: list[Any]) -> None:
    [line] = run("--dry-run", "--json").stdout.splitlines()
    assert orjson.loads(line) == {
        "letters": 4,
        "codes": {"TYPE": 1, "DECODE": 1, "of another program": 1, "unreadable": 1},
        "is_dry_run": True,
    }
