"""The archive's life cycle: what is open is completed at a stop; a stall ends the worker."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from monitoring.telemetry.health import Health
from stream.archive import service as service_module
from stream.archive.service import ArchiveService, ArchiveWatch
from stream.consume.partition_progress import PartitionProgress
from stream.monitor import STALL_LIMIT
from stream.topology import ROLES
from testing.jumping_time import in_jumping_time

AT = TopicPartition("leads", 0)


class FakeSource:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        self.topic = "leads"
        self.started = False
        self.commit_overdue_for = 0.0
        self.stalled_for = 0.0
        self.end = 10
        progress = PartitionProgress(committed=10)
        progress.pass_gap(10)
        self.assignment = {AT: progress}

    async def start(self) -> None:
        self.started = True
        self.calls.append("source starts")

    async def stop(self) -> None:
        self.calls.append("source stops")

    def end_offset(self, partition: TopicPartition) -> int:
        return self.end


class FakeWriter:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls
        self.taken = 0
        self.is_waiting = False
        self.rolled = 0

    async def roll(self) -> None:
        self.rolled += 1

    async def complete(self) -> None:
        self.calls.append("files complete")

    async def stop(self) -> None:
        self.calls.append("writer stops")


class Place:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.errors: list[BaseException] = []
        self.source: Any = FakeSource(self.calls)
        self.writer: Any = FakeWriter(self.calls)

    async def crash(self, error: BaseException) -> None:
        self.errors.append(error)


@in_jumping_time
async def test_the_open_files_are_completed_before_the_source_stops() -> None:
    place = Place()
    service = ArchiveService(place.source, place.writer, place.crash)
    await service.start()
    while place.writer.rolled < 3:
        await service.sleep(service_module.LOOK)
    await service.stop()
    assert place.calls == ["source starts", "files complete", "source stops", "writer stops"]
    assert not place.errors


@pytest.mark.parametrize("is_waiting", [False, True])
async def test_a_stall_ends_the_worker_but_a_full_disk_does_not(is_waiting: bool) -> None:
    place = Place()
    health = Health(0.0, conditions=ROLES["archive"].ready)
    watch = ArchiveWatch(place.source, place.writer, health, place.crash)
    await watch.look()
    assert not place.errors
    place.writer.is_waiting = is_waiting
    place.source.stalled_for = STALL_LIMIT + 1
    await watch.look()
    assert len(place.errors) == (not is_waiting)


async def test_unread_records_without_progress_are_seen_by_the_liveness_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, time = Place(), 1000.0
    monkeypatch.setattr("stream.archive.service.time.monotonic", lambda: time)
    health = Health(time, conditions=ROLES["archive"].ready)
    watch = ArchiveWatch(place.source, place.writer, health, place.crash)
    for end, waits, is_alive in ((10, False, True), (50, False, False), (50, True, True)):
        place.source.end, place.writer.is_waiting = end, waits
        await watch.look()
        time += STALL_LIMIT + 1
        await watch.look()
        health.heartbeat(time)
        assert health.alive(time)[0] is is_alive
