"""Ids are asked for once and known forever; while the registry is unavailable, they wait."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from schemas.errors import ErrorCode, FatalError, InvalidEventError
from schemas.left_out import LeftOutValue
from schemas.registered import VALUE_SCHEMA_ID, JsonText, header_of_id
from schemas.store import parse_schema
from stream.schema_registry.disk_cache import DiskCache
from stream.schema_registry.lookup import ABSENT_ANSWERS, ASK_AGAIN_AFTER, SchemaLookup
from stream.schema_registry.registry import RegistryUnavailableError
from testing.fake_schema_registry import FakeSchemaRegistry, FramedRecord
from testing.jumping_time import in_jumping_time

LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "fields": [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}],
}


class Notes:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.hits = 0

    def requested(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def found_in_cache(self, ids: int) -> None:
        self.hits += ids

    def waiting(self, partitions: int) -> None:
        raise AssertionError("a lookup holds no partitions")


class Place:
    """A lookup in a registry in memory."""

    def __init__(
        self,
        unresolved: Literal["dead_letter", "stop"] = "dead_letter",
        cache: DiskCache | None = None,
    ) -> None:
        self.registry, self.notes = FakeSchemaRegistry(), Notes()
        self.lookup = SchemaLookup(self.registry, cache, wait_limit=30.0, unresolved=unresolved)
        self.lookup.metrics = self.notes

    def verdict(self, header: bytes) -> ErrorCode | None:
        found = self.lookup.registered.get(header)
        return found.code if isinstance(found, InvalidEventError) else None


def records(*values: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> list[Any]:
    return [FramedRecord(offset, value, headers) for offset, value in enumerate(values)]


@in_jumping_time
async def test_an_id_is_asked_for_once_whoever_waits_for_it() -> None:
    place = Place()
    header = place.registry.add(LEAD)
    batch = records(header + b"a", header + b"b", b"{}", None, b"")
    await asyncio.gather(place.lookup.resolve(batch), place.lookup.resolve(batch))
    await place.lookup.resolve(batch)
    assert place.registry.asked == [header]
    assert place.notes.outcomes == ["answered"]
    assert place.notes.hits == 1
    assert place.lookup.registered.is_known(header, 1e12)


@in_jumping_time
async def test_a_guid_in_a_header_is_asked_for() -> None:
    place = Place()
    guid = b"\x01" + uuid.uuid4().bytes
    place.registry.add({"type": "object"}, "JSON", header=guid)
    await place.lookup.resolve(records(b"{}", headers=[(VALUE_SCHEMA_ID, guid)]))
    assert place.lookup.registered.get(guid) is JsonText.JSON


@in_jumping_time
async def test_a_header_without_an_id_is_ignored_and_the_value_counts() -> None:
    place = Place()
    header = place.registry.add(LEAD)
    await place.lookup.resolve(records(header, headers=[(VALUE_SCHEMA_ID, b"\x01short")]))
    assert place.registry.asked == [header]


@in_jumping_time
async def test_a_value_that_was_left_out_needs_no_schema() -> None:
    place = Place()
    assert place.lookup.missing(records(LeftOutValue(300_000_000))) == set()


@in_jumping_time
async def test_an_id_waits_until_the_registry_is_back() -> None:
    place = Place()
    header = place.registry.add(LEAD)
    place.registry.is_unavailable = True
    waiting = asyncio.create_task(place.lookup.resolve(records(header)))
    await asyncio.sleep(20)
    assert not waiting.done()
    place.registry.is_unavailable = False
    await waiting
    assert place.verdict(header) is None
    assert place.notes.outcomes[-1] == "answered"
    assert set(place.notes.outcomes[:-1]) == {"failed"}


@in_jumping_time
async def test_after_the_limit_the_leads_become_dead_letters_and_the_id_is_asked_again() -> None:
    place = Place()
    header = place.registry.add(LEAD)
    place.registry.is_unavailable = True
    since = asyncio.get_running_loop().time()
    await place.lookup.resolve(records(header))
    assert 20 < asyncio.get_running_loop().time() - since <= 30
    assert place.verdict(header) is ErrorCode.SCHEMA_ID
    assert place.lookup.missing(records(header)) == set()
    place.registry.is_unavailable = False
    await asyncio.sleep(ASK_AGAIN_AFTER)
    await place.lookup.resolve(records(header))
    assert place.verdict(header) is None


@in_jumping_time
async def test_after_the_limit_the_worker_stops_if_it_is_to() -> None:
    place = Place("stop")
    header = place.registry.add(LEAD)
    place.registry.is_unavailable = True
    with pytest.raises(FatalError, match=r"schema id 1.*does not answer"):
        await place.lookup.resolve(records(header))
    assert place.lookup.registered.get(header) is None


@in_jumping_time
async def test_an_id_that_the_registry_does_not_have_is_believed_after_some_answers() -> None:
    place = Place()
    since = asyncio.get_running_loop().time()
    await place.lookup.resolve(records(header_of_id(99)))
    assert place.notes.outcomes == ["not_found"] * ABSENT_ANSWERS
    assert asyncio.get_running_loop().time() - since < 3
    assert place.verdict(header_of_id(99)) is ErrorCode.SCHEMA_ID


@in_jumping_time
async def test_an_id_that_is_known_continues_while_the_registry_is_unavailable() -> None:
    place = Place()
    header = place.registry.add(LEAD)
    await place.lookup.resolve(records(header))
    place.registry.is_unavailable = True
    assert place.lookup.missing(records(header)) == set()


@in_jumping_time
async def test_protobuf_and_what_is_no_lead_are_known_forever() -> None:
    place = Place()
    proto = place.registry.add('syntax = "proto3";', "PROTOBUF")
    note = place.registry.add({"type": "record", "name": "Note", "fields": []})
    await place.lookup.resolve(records(proto, note))
    assert place.verdict(proto) is ErrorCode.PROTOBUF
    assert place.verdict(note) is ErrorCode.INCOMPATIBLE
    assert place.lookup.registered.is_known(proto, 1e12)


@in_jumping_time
async def test_a_schema_on_disk_is_known_without_the_registry(tmp_path: Path) -> None:
    first = Place(cache=DiskCache(tmp_path, "http://registry"))
    header = first.registry.add(LEAD, references=[{"type": "fixed", "name": "F", "size": 1}])
    await first.lookup.resolve(records(header))
    second = Place(cache=DiskCache(tmp_path, "http://registry"))
    assert second.lookup.missing(records(header)) == set()
    other = Place(cache=DiskCache(tmp_path, "http://another"))
    assert other.lookup.missing(records(header)) == {header}


@in_jumping_time
async def test_the_id_to_write_is_kept_too(tmp_path: Path) -> None:
    schema = parse_schema(LEAD)
    first = Place(cache=DiskCache(tmp_path, "http://registry"))
    assert not await first.lookup.id_to_write("s", schema, "text")
    header = first.registry.add("text", subject="s")
    assert await first.lookup.id_to_write("s", schema, "text")
    assert first.lookup.registered.header_to_write(schema) == header
    second = Place(cache=DiskCache(tmp_path, "http://registry"))
    second.registry.is_unavailable = True
    assert await second.lookup.id_to_write("s", schema, "text")
    assert second.lookup.registered.header_to_write(schema) == header
    with pytest.raises(RegistryUnavailableError):
        await second.lookup.id_to_write("another", schema, "text")


@in_jumping_time
async def test_closing_ends_what_waits() -> None:
    place = Place()
    place.registry.is_unavailable = True
    waiting = asyncio.create_task(place.lookup.resolve(records(header_of_id(1))))
    await asyncio.sleep(1)
    await place.lookup.close()
    assert place.registry.is_closed
    with pytest.raises(asyncio.CancelledError):
        await waiting
