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
    refuses
        Errors of the next attempts to open a producer.
    gate
        While it is cleared, nothing is acknowledged.
    """

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, bytes, list[tuple[str, bytes]]]] = []
        self.fails: list[KafkaError] = []
        self.refuses: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.opened = 0

    async def open(self) -> FakeProducer:
        if self.refuses:
            raise self.refuses.pop(0)
        self.opened += 1
        return FakeProducer(self)


class FakeProducer:
    """Writes to the topic; see ``stream.hooks.lead_producer.Producer``."""

    def __init__(self, leads: FakeLeads) -> None:
        self._leads = leads

    async def send(
        self, topic: str, *, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        return asyncio.ensure_future(self._acknowledge(topic, key, value, list(headers)))

    async def stop(self) -> None:
        return None

    async def _acknowledge(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]
    ) -> None:
        await self._leads.gate.wait()
        if self._leads.fails:
            raise self._leads.fails.pop(0)
        self._leads.records.append((topic, key, value, headers))
