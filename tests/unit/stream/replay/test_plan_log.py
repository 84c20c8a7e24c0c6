"""The topic of plans, with a record in it that can't be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.errors import InputError, StartupError
from stream.replay.plan import ReplayRecord
from stream.replay.plan_log import PlanLog
from stream.settings import load_settings
from tests.unit.stream.replay.test_plan import plan_of

NOW = datetime(2026, 5, 31, 9, 30, tzinfo=UTC)


def good(replay_id: str) -> bytes:
    record = ReplayRecord(state="planned", plan=plan_of(id=replay_id), written_at=NOW)
    return record.model_dump_json().encode()


class FakeReader:
    """Reads a log that is in memory."""

    def __init__(self, *records: tuple[str, bytes | None]) -> None:
        self._records = [SimpleNamespace(key=key.encode(), value=value) for key, value in records]

    async def end_offset(self, _: TopicPartition) -> int:
        return len(self._records)

    async def read(self, _: TopicPartition, start: int, end: int) -> AsyncIterator[list[Any]]:
        yield self._records[start:end]

    async def follow(self, _: TopicPartition, start: int) -> AsyncIterator[list[Any]]:
        yield self._records


def log_of(monkeypatch: pytest.MonkeyPatch, *records: tuple[str, bytes | None]) -> PlanLog:
    plans = PlanLog(load_settings())
    monkeypatch.setattr(plans, "_reader", FakeReader(*records))
    return plans


async def test_a_damaged_record_hides_no_other_replay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    records = [("r1", good("r1")), ("bad", b"{"), ("gone", good("gone")), ("gone", None)]
    plans = log_of(monkeypatch, *records)
    assert [*await plans.replays()] == ["r1"]
    assert "the record of replay 'bad'" in caplog.text
    assert (await plans.find("r1")).plan.id == "r1"


async def test_a_damaged_record_is_an_error_for_its_own_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(StartupError, match="version of LeadScore that wrote it"):
        await log_of(monkeypatch, ("r1", b"{")).find("r1")


async def test_an_unknown_replay_is_named_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match="has no 'r9'; the last ones are: r1"):
        await log_of(monkeypatch, ("r1", good("r1")), ("bad", b"{")).find("r9")


async def test_a_damaged_record_does_not_end_the_watch_for_a_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans = log_of(monkeypatch, ("r1", b"{"), ("other", good("other")), ("r1", good("r1")))
    assert [record.plan.id async for record in plans.follow("r1")] == ["r1"]


def test_an_id_with_control_characters_is_no_plan() -> None:
    with pytest.raises(ValueError, match="pattern"):
        plan_of(id="a\x1b[2J")
