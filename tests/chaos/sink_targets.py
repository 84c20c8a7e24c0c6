"""Targets of sinks in chaos scenarios: taken away and back, and read as consumers read them."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Protocol

import duckdb
import orjson
import psycopg
from deltalake import DeltaTable

from stream.sinks.json_line_file import lines_of
from testing.postgres_server import PostgresServer
from testing.webhook_receiver import Fault, Received, WebhookReceiver
from tests.integration.sink_process import lead_of
from tests.webhook_stage import SECRET

Place = tuple[int, int]
"""Partition and offset."""


class Target(Protocol):
    """A target.

    Attributes
    ----------
    kind
        The kind of its sink.
    environment
        Settings of its sink.
    """

    kind: str
    environment: Mapping[str, str]

    @abstractmethod
    def away(self) -> AsyncIterator[None]:
        """Keep the target from answering until the body ends."""

    @abstractmethod
    def verify(self, ends: Mapping[int, int]) -> None:
        """Compare what a reader sees with all records up to these offsets, by partition."""


class FolderTarget:
    """A target in a folder, which is moved away."""

    folder: Path

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        moved = self.folder.with_name("moved")
        self.folder.rename(moved)
        self.folder.write_text("a file where the folder was")
        try:
            yield
        finally:
            self.folder.unlink()
            moved.rename(self.folder)


class Files(FolderTarget):
    """JSON lines: every record is one line, in the order of the partition."""

    kind = "jsonl"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "LEADSCORE_SINK_TO": str(folder),
            "LEADSCORE_SINK_ROTATE_SECONDS": "3",
        }

    def verify(self, ends: Mapping[int, int]) -> None:
        offsets: dict[int, list[int]] = {number: [] for number in ends}
        for file in sorted(self.folder.glob("*.jsonl*")):
            for line in lines_of(file):
                found = orjson.loads(line)
                offsets[found["partition"]].append(found["offset"])
        assert offsets == {number: list(range(end)) for number, end in ends.items()}


class DeltaFolder(FolderTarget):
    """A Delta table: every record is one row, by delta-rs and by DuckDB."""

    kind = "delta"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "LEADSCORE_SINK_TO": str(folder),
            "LEADSCORE_SINK_SECONDS": "0.2",
            "LEADSCORE_SINK_COMPACT_COMMITS": "7",
        }

    def verify(self, ends: Mapping[int, int]) -> None:
        scores = DeltaTable(self.folder).to_pyarrow_dataset()
        assert scores is not None
        found = duckdb.query(
            "SELECT kafka_partition, count(*), count(DISTINCT kafka_offset), max(kafka_offset)"
            " FROM scores GROUP BY kafka_partition ORDER BY kafka_partition"
        ).fetchall()
        assert found == [(number, end, end, end - 1) for number, end in sorted(ends.items())]


class Database:
    """PostgreSQL: the latest score of each lead, and every score once in the history."""

    kind = "sql"

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.environment = {
            "LEADSCORE_SINK_TO": server.url(),
            "LEADSCORE_SINK_HISTORY": "true",
        }

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        self._server.kill()
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)

    def verify(self, ends: Mapping[int, int]) -> None:
        with psycopg.connect(self._server.url()) as connection:
            scores = connection.execute("SELECT lead_id, kafka_offset FROM lead_scores").fetchall()
            history = connection.execute(
                "SELECT kafka_partition, kafka_offset FROM lead_score_history"
            ).fetchall()
        latest = {
            lead_of(number, offset): offset for number, end in ends.items() for offset in range(end)
        }
        assert dict(scores) == latest
        assert Counter(history) == Counter(_places(ends))


class Receiver:
    """A webhook's receiver that fails now and then: no event is lost, and each lead's are in order.

    Parameters
    ----------
    receiver
        The server.
    chance
        Draws its faults.
    """

    kind = "webhook"

    def __init__(self, receiver: WebhookReceiver, chance: Random) -> None:
        self._receiver = receiver
        self._chance = chance
        receiver.fault_of = self._fault
        self.environment = {
            "LEADSCORE_SINK_TO": receiver.url,
            "LEADSCORE_SINK_WEBHOOK_SECRET": SECRET,
            "LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE": "true",
            "LEADSCORE_SINK_WEBHOOK_TIMEOUT_SECONDS": "2",
        }

    def _fault(self, _: Received) -> Fault | None:
        if self._chance.random() > 0.02:
            return None
        kinds = (Fault(), Fault(status=503), Fault("closed"), Fault("half"))
        return self._chance.choice(kinds)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await self._receiver.stop()
        try:
            yield
        finally:
            await self._receiver.start()

    def verify(self, ends: Mapping[int, int]) -> None:
        first = {received.event_id: received.data for received in reversed(self._receiver.received)}
        data = [*reversed(first.values())]
        assert Counter((at["partition"], at["offset"]) for at in data) == Counter(_places(ends))
        of_leads: dict[str, list[int]] = {}
        for event_id in self._receiver.event_ids:
            at = first[event_id]
            of_leads.setdefault(at["lead_id"], []).append(at["offset"])
        assert all(offsets == sorted(offsets) for offsets in of_leads.values())


def _places(ends: Mapping[int, int]) -> list[Place]:
    return [(number, offset) for number, end in ends.items() for offset in range(end)]
