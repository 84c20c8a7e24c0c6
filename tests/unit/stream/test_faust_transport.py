"""Faust's consumer reads past records that aiokafka can't decode."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from stream import faust_transport
from stream.drift.window_table import damaged_keys
from stream.faust_app import App
from stream.faust_transport import LenientThread, LenientTransport
from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.settings import load_settings

PARTIALS = TopicPartition("partials", 0)
CHANGELOG = TopicPartition("changelog", 0)


async def unchecked(_: App) -> None:
    """Check nothing: there is no Kafka."""


class FakeConsumer:
    """A consumer that only knows its positions."""

    def __init__(self) -> None:
        self.at = {PARTIALS: 5, CHANGELOG: 7}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset


class Beside:
    """Reads what the consumer can't."""

    has_records = True

    async def read(self, partition: TopicPartition, start: int) -> Any:
        if self.has_records:
            bad = Problem.HEADER_NAME, "it is bad"
            yield RawStep(
                [
                    RawRecord(0, start, 1, b"k", b"good", ()),
                    UnreadableRecord(0, start + 1, 1, b"k", b"bad", (), *bad),
                ],
                start + 2,
            )


@pytest.fixture
def thread(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(faust_transport, "positions", lambda consumer: dict(consumer.at))
    thread: Any = LenientThread.__new__(LenientThread)
    thread.consumer = SimpleNamespace(
        app=SimpleNamespace(tables=SimpleNamespace(changelog_topics={"changelog"}))
    )
    monkeypatch.setattr(LenientThread, "app", thread.consumer.app, raising=False)
    thread._beside = Beside()
    return thread


def polls(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    async def fetch(self: Any, consumer: FakeConsumer, *_: Any) -> Any:
        consumer.at[PARTIALS] += 1  # drained, and lost
        if error:
            raise error
        return {PARTIALS: ["one"]}

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetch)


async def test_readable_records_come_as_they_are(
    thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, None)
    assert await thread._fetch_records(FakeConsumer(), {PARTIALS}) == {PARTIALS: ["one"]}


async def test_a_record_that_cannot_be_read_comes_empty_so_that_it_is_acknowledged(
    thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls(monkeypatch, ValueError())
    consumer = FakeConsumer()
    found = await thread._fetch_records(consumer, {PARTIALS, CHANGELOG})
    assert [(r.offset, r.key, r.value) for r in found[PARTIALS]] == [
        (5, b"k", b"good"),
        (6, None, b""),
    ]
    assert consumer.at == {PARTIALS: 7, CHANGELOG: 9}


async def test_a_record_of_the_changelog_that_cannot_be_read_is_a_damaged_entry_of_the_table(
    thread: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was skipped, and its window went on from an older state: leads were missing from it."""
    polls(monkeypatch, ValueError())
    found = await thread._fetch_records(FakeConsumer(), {PARTIALS, CHANGELOG})
    assert [(r.offset, r.key) for r in found[CHANGELOG]] == [
        (7, b"k"),
        (8, b"unreadable record at offset 8"),
    ]
    table = {r.key: r.value for r in found[CHANGELOG][1:]}
    assert all(table.values()), "Faust would delete the key of an empty value"
    assert damaged_keys(table) == [*table]


@pytest.mark.parametrize("error", [ValueError(), KafkaConnectionError()])
async def test_an_error_that_comes_of_no_record_is_raised(
    thread: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    polls(monkeypatch, error)
    thread._beside.has_records = False
    with pytest.raises(type(error)):
        await thread._fetch_records(FakeConsumer(), {CHANGELOG})


def test_faust_calls_what_is_overridden() -> None:
    source = inspect.getsource(AIOKafkaConsumerThread.getmany)
    assert "self._fetch_records" in source
    parameters = [*inspect.signature(AIOKafkaConsumerThread._fetch_records).parameters]
    assert parameters == ["self", "consumer", "active_partitions", "timeout", "max_records"]


def test_the_app_reads_by_it() -> None:
    app = App(load_settings(environment="test", role="drift"), unchecked)
    assert isinstance(app.transport, LenientTransport)


def test_a_thread_that_has_ended_by_itself_is_stopped_without_an_error(thread: Any) -> None:
    """After a crash the worker logged "Event loop is closed", with a stack, as its last words."""
    thread.thread_loop, thread._stopped = asyncio.new_event_loop(), asyncio.Event()
    thread._stopped_set()
    thread.thread_loop.run_until_complete(asyncio.sleep(0))
    assert thread._stopped.is_set()
    thread.thread_loop.close()
    thread._stopped_set()


@pytest.fixture
async def idle_thread() -> AsyncIterator[Any]:
    """A thread in which nothing answers."""
    thread: Any = App(load_settings(environment="test", role="drift"), unchecked).consumer._thread
    yield thread
    thread.thread_loop.close()


async def test_a_commit_to_a_thread_that_has_ended_fails_instead_of_waiting_forever(
    idle_thread: Any,
) -> None:
    """A drift worker whose right had been revoked did not end: its last commit had no answer."""
    commit = asyncio.ensure_future(idle_thread.commit({}))
    await asyncio.sleep(0)
    assert not commit.done()
    idle_thread.set_shutdown()
    async with asyncio.timeout(10):
        assert await commit is False


async def test_a_commit_to_a_thread_whose_loop_is_closed_fails(idle_thread: Any) -> None:
    idle_thread.thread_loop.close()
    assert await idle_thread.commit({}) is False


@pytest.mark.parametrize("is_committed", [True, False])
async def test_a_commit_is_answered_by_the_thread(
    idle_thread: Any, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    async def commit(_: Any, offsets: Any) -> bool:
        return is_committed and offsets == {PARTIALS: 5}

    monkeypatch.setattr(AIOKafkaConsumerThread, "commit", commit)
    assert await idle_thread.commit({PARTIALS: 5}) is is_committed
