"""A stage for worker tests: topics, a group and a folder of their own, and workers as processes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError

from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.demo.audit import Audit, read_scored
from stream.demo.worker import WORKER, DemoWorker
from stream.kafka.topic_admin import create_topics
from stream.settings import Settings, load_settings
from stream.simulator.connection import connected_producer
from stream.simulator.events import EventMaker
from stream.simulator.playing import AtOnce, Event, Lead, Steady
from stream.simulator.run import Played, play
from testing.kafka_client import committed_offsets, group_members, read_all, until
from testing.schemas import packaged_schema

PARTITIONS = 4
READY_WITHIN = 120.0
STORE = SchemaStore.load()
CONTACT = packaged_schema("bank_contact")
SCORED = RecordCodec("lead_scored")


class WorkerProcess(DemoWorker):
    """A worker that a test may signal, kill and read the log of."""

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, within: float = 60.0) -> int:
        """Wait for its end; returns its exit code."""
        await until(
            lambda: self._process.poll() is not None, within=within, what="the worker's end"
        )
        return self._process.returncode

    async def stop_cleanly(self) -> None:
        """Stop it with SIGTERM; an exit code, an error of ours in its log or 10 s fail the test."""
        started = time.monotonic()
        assert await self.stop() == 0
        assert time.monotonic() - started < 10
        if errors := self.errors():
            lines = "\n".join(orjson.dumps(error).decode() for error in errors)
            raise AssertionError(f"{self.log} has errors:\n{lines}")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def logged(self) -> list[dict[str, Any]]:
        """Its log, line by line; a line that is no JSON fails the test, but for Faust's banner."""
        banner = (b"+", b"|")
        lines = self.log.read_bytes().splitlines()
        return [orjson.loads(line) for line in lines if not line.startswith(banner)]

    def errors(self) -> list[dict[str, Any]]:
        """Return the errors that it logged, without those that aiokafka recovers from."""
        return [
            line
            for line in self.logged()
            if line["level"] in ("ERROR", "CRITICAL") and not line["logger"].startswith("aiokafka")
        ]

    def has_logged(self, words: str) -> bool:
        return words in self.log.read_text()

    async def ready(self) -> None:
        """Wait until it is ready, longer than a user would: other tests use the machine, too."""

        async def is_ready() -> bool:
            self.check()
            return await asyncio.to_thread(self._is_ready)

        await until(is_ready, within=READY_WITHIN, what=f"a ready worker (its log: {self.log})")

    async def answer(self, path: str) -> tuple[int, Any]:
        """Return status and JSON of a page of its HTTP port."""
        answer = await self._page(path)
        assert answer is not None, f"no answer from {path}"
        return answer[0], orjson.loads(answer[1])

    async def _page(self, path: str) -> tuple[int, str] | None:
        """Ask for a page until it is answered: one request may time out on a busy machine.

        Returns None if the worker has ended.
        """
        answers: list[tuple[int, str] | None] = []

        async def has_answered() -> bool:
            answers.append(await asyncio.to_thread(self.ask, path))
            return answers[-1] is not None or not self.is_running

        await until(has_answered, what=f"an answer from {path}")
        return answers[-1]

    async def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        _, text = await self._page("/metrics") or (0, "")
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        )


@dataclass
class Stage:
    """Topics, group and folder of one test.

    Attributes
    ----------
    environment
        The environment of the workers.
    folder
        For the workers' logs.
    """

    environment: dict[str, str]
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        names = {"LEADSCORE_ENV": "environment"}
        self.settings = load_settings(
            **{
                names.get(name, name.removeprefix("LEADSCORE_").lower()): value
                for name, value in self.environment.items()
            }
        )

    async def create_topics(self, partitions: int = PARTITIONS) -> None:
        await create_topics(self.settings, partitions)

    def begin(self, command: Sequence[str] = WORKER, **environment: str) -> WorkerProcess:
        """Start a worker without waiting for it."""
        folder = self.folder / f"worker-{len(self.workers)}"
        folder.mkdir()
        worker = WorkerProcess(self.environment | environment, folder, command)
        self.workers.append(worker)
        return worker

    async def start(self, **environment: str) -> WorkerProcess:
        """Start a worker and wait until it is ready."""
        worker = self.begin(**environment)
        await worker.ready()
        return worker

    def end(self) -> None:
        for worker in self.workers:
            worker.end()

    # The CRM's side

    async def play(
        self,
        leads: Iterable[Lead],
        *,
        rate: float | None = None,
        as_event: Callable[[Lead], Event] | None = None,
        stop: asyncio.Event | None = None,
    ) -> Played:
        """Play contacts to the source topic; returns how many were delivered or failed."""
        settings = self.settings
        async with connected_producer(settings) as producer:
            return await play(
                leads,
                producer,
                topic=settings.leads_created,
                as_event=as_event or EventMaker(CONTACT, WireFormat.AVRO),
                pace=Steady(rate) if rate else AtOnce(),
                stop=stop,
            )

    # The consumers' side

    async def records(self, topic: str) -> list[ConsumerRecord]:
        return await read_all(self.settings.kafka_bootstrap_servers, topic, within=120)

    async def scored_records(self) -> list[ConsumerRecord]:
        return await self.records(self.settings.leads_scored)

    async def dead_records(self) -> list[ConsumerRecord]:
        return await self.records(self.settings.leads_created_dlq)

    async def account(self) -> Audit:
        """Enter all that came out."""
        account = Audit()
        account.add_scored(
            [read_scored(record.value, SCORED) for record in await self.scored_records()],
            time.time() * 1000,
        )
        for record in await self.dead_records():
            account.add_dead(record.partition, dict(record.headers))
        return account

    async def written(self) -> dict[int, list[int]]:
        """Source offsets in the order in which their outcomes were written, by partition."""
        offsets: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
        for record in await self.scored_records():
            offsets[record.partition].append(read_scored(record.value, SCORED).source[1])
        return offsets

    async def committed(self, group: str = "") -> dict[int, int]:
        """Offsets that the group, or another one, has committed, by partition."""
        settings = self.settings
        try:
            return await committed_offsets(
                settings.kafka_bootstrap_servers, group or settings.group_id, settings.leads_created
            )
        except GroupCoordinatorNotAvailableError:  # nobody has ever been in a group on this broker
            return {}

    async def until_committed(self, played: Played, within: float = 120.0) -> None:
        """Wait until all that was played is done, as far as the group has committed."""
        ends = {partition: runs[-1].stop for partition, runs in played.offsets.items()}

        async def is_done() -> bool:
            if not any(worker.is_running for worker in self.workers):
                self.workers[-1].check()
            committed = await self.committed()
            return all(committed.get(partition) == end for partition, end in ends.items())

        await until(is_done, within=within, what=f"{played.sent} leads done")

    async def until_scored(self, count: int, within: float = 120.0) -> None:
        """Wait until at least ``count`` scored events are written."""
        topic = self.settings.leads_scored
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers
        ) as consumer:

            async def are_scored() -> bool:
                return int(sum((await consumer.end_offsets(partitions)).values())) >= count

            await until(are_scored, within=within, what=f"{count} scored events")

    async def members(self, group: str = "") -> set[str]:
        """Ids of the members of the group, or of another one."""
        settings = self.settings
        return await group_members(settings.kafka_bootstrap_servers, group or settings.group_id)

    async def until_removed(self, members: Set[str], count: int = 1, *, group: str = "") -> None:
        """Wait until the coordinator has removed some members: their sessions are over."""

        async def are_removed() -> bool:
            return len(members - await self.members(group)) >= count

        await until(are_removed, what=f"{count} of {len(members)} members removed")


def event_of(value: bytes) -> dict[str, Any]:
    """Read a scored event, all of it, in Avro single-object encoding."""
    return dict(SCORED.decode(value))


def headers_of(record: ConsumerRecord) -> Mapping[str, bytes]:
    """Headers by name; a name that is there twice fails the test."""
    headers = dict(record.headers)
    assert len(headers) == len(record.headers)
    return headers
