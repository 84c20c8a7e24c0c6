"""Wiring of a re-drive of a sink's dead letters: its topic, its rights, and what is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.records import SourceRecord
from stream.dead_letters import sink_redriving as module
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.dead_letters.sink_redriving import redrive_sink
from stream.kafka.access import Use
from stream.kafka.topic_ids import TopicIds
from stream.schema_registry.lookup import SchemaLookup
from stream.settings import load_settings
from stream.sinks.json_line_file import lines_of
from testing.fake_schema_registry import FakeSchemaRegistry
from tests.unit.stream.dead_letters.test_sink_redrive import letter


@pytest.fixture
def uses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Use]]:
    """A topic with one letter; returns what its spans were asked for."""
    asked: list[tuple[str, Use]] = []

    async def spans(
        self: DeadLetterLog, use: Use, *, since_ms: int | None = None
    ) -> Mapping[int, Span]:
        asked.append((self.topic, use))
        return {0: Span(0, 10)}

    async def read(
        self: DeadLetterLog, partition: int, span: Span
    ) -> AsyncGenerator[Sequence[SourceRecord], None]:
        yield [letter(3, sink="jsonl-scores")]

    async def topic_id(self: TopicIds, topic: str) -> str:
        return "9f2JkQ"

    monkeypatch.setattr(DeadLetterLog, "spans", spans)
    monkeypatch.setattr(DeadLetterLog, "read", read)
    monkeypatch.setattr(TopicIds, "read", topic_id)
    return asked


def written(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("leads.sinks.dlq-0-*"))
    return [orjson.loads(line) for file in files for line in lines_of(file)]


async def test_the_letters_of_the_settings_sink_are_written_to_its_target(
    uses: list[tuple[str, Use]], tmp_path: Path
) -> None:
    account = await redrive_sink(
        load_settings(role="sink", sink="jsonl", sink_to=str(tmp_path)),
        since_ms=None,
        stop=asyncio.Event(),
        on_progress=lambda _: None,
    )
    assert uses == [("leads.sinks.dlq", Use.SINK_REDRIVE)]
    assert account.written == 1
    assert [line["lead_id"] for line in written(tmp_path)] == ["lead-3"]


@pytest.mark.usefixtures("uses")
async def test_the_schema_registry_is_closed_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = FakeSchemaRegistry()
    lookup = SchemaLookup(registry, None, wait_limit=1.0, unresolved="stop")
    monkeypatch.setattr(module, "open_lookup", lambda _: lookup)
    await redrive_sink(
        load_settings(role="sink", sink="jsonl", sink_to=str(tmp_path)),
        since_ms=None,
        stop=asyncio.Event(),
        on_progress=lambda _: None,
    )
    assert registry.is_closed
