"""A producer in memory that can fail, for the receiver of webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError

__all__ = ["FakeLeads", "FakeProducer"]


class FakeLeads:
    """The leads topic.

    Attributes
    ----------
    records
        Topic, key, value and headers of each record.
    fails
        Errors of the next acknowledgements.
    """

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes, list[tuple[str, bytes | None]]]] = []
        self.fails: list[KafkaError] = []

    async def open(self) -> tuple[FakeProducer, int]:
        return FakeProducer(self), 1_000_000

    async def ask(self) -> str | None:
        return None


class FakeProducer:
    """Writes to the topic; see ``stream.rest.lead_writer.LeadProducer``."""

    def __init__(self, leads: FakeLeads) -> None:
        self._leads = leads

    async def send(
        self,
        topic: str,
        *,
        value: bytes,
        key: bytes,
        timestamp_ms: int,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> asyncio.Future[Any]:
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._leads.fails:
            acknowledged.set_exception(self._leads.fails.pop(0))
        else:
            self._leads.records.append((topic, key, value, list(headers)))
            acknowledged.set_result(None)
        return acknowledged

    async def stop(self) -> None:
        return None
