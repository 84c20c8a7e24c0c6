"""Retention of the source topic: what it does not keep any more, and what it takes to know it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion

from schemas.errors import ErrorCode
from stream.dead_letters import source_retention as module
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.source_retention import SourceRetention, read_source_retention
from stream.fetch.raw_records import RawRecord
from stream.settings import Settings
from testing.dead_letters import dead_letter

DAY_MS = 86_400_000
NOW = 100 * DAY_MS
WEEK = SourceRetention("leads.created", 7 * DAY_MS, NOW)


def letter(value: bytes | None, age: float) -> DeadLetter:
    at = NOW - round(age * DAY_MS)
    made = dead_letter(value, code=ErrorCode.TOO_LARGE, timestamp=at)
    found = DeadLetter.from_record(RawRecord(0, 0, NOW, None, value, made.headers))
    assert found is not None
    return found


def test_only_a_value_that_the_letter_lacks_can_be_out_of_reach() -> None:
    assert WEEK.is_out_of_reach(letter(None, 7.1))
    assert not WEEK.is_out_of_reach(letter(None, 6.9))
    assert not WEEK.is_out_of_reach(letter(b"here", 7.1))


def test_nothing_is_too_old_for_a_topic_without_a_limit() -> None:
    assert not SourceRetention("leads.created", None, NOW).is_over(0)
    assert WEEK.is_over(0)


@pytest.mark.parametrize(
    ("configs", "kept_ms"),
    [
        ({"cleanup.policy": "delete", "retention.ms": "1000"}, 1000),
        ({"cleanup.policy": "compact,delete", "retention.ms": "1000"}, 1000),
        ({"cleanup.policy": "compact", "retention.ms": "1000"}, None),
        ({"cleanup.policy": "delete", "retention.ms": "-1"}, None),
        (None, None),
    ],
    ids=["delete", "both", "compact", "no limit", "no right to see it"],
)
async def test_the_limit_is_that_of_the_topic(
    monkeypatch: pytest.MonkeyPatch, configs: Mapping[str, str] | None, kept_ms: int | None
) -> None:
    async def read(
        connection: Any, topics: Collection[str], names: Any
    ) -> dict[str, Mapping[str, str]]:
        return {} if configs is None else dict.fromkeys(topics, configs)

    monkeypatch.setattr(module, "read_topic_configs", read)
    found = await read_source_retention(Settings(topic_prefix="t."), NOW)
    assert found == SourceRetention("t.leads.created", kept_ms, NOW)


async def test_a_broker_that_does_not_say_it_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: Any) -> dict[str, Mapping[str, str]]:
        raise IncompatibleBrokerVersion

    monkeypatch.setattr(module, "read_topic_configs", read)
    assert (await read_source_retention(Settings(), NOW)).kept_ms is None
