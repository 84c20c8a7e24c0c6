"""Delivery of webhooks to Kafka: each once, as far as this process remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from monitoring.telemetry.hook_metrics import HookMetrics
from stream.hooks.seen_webhooks import SeenWebhooks
from stream.hooks.webhook import Webhook, record_of
from stream.rest.lead_writer import LeadRecord, Place

__all__ = ["Delivered", "Delivery", "Writes"]


class Writes(Protocol):
    """Writes leads to Kafka: ``stream.rest.lead_writer.LeadWriter``."""

    async def write(self, leads: Sequence[LeadRecord]) -> Sequence[Place]:
        """Return their places when Kafka has them."""


class Delivered(NamedTuple):
    """Outcome of a request."""

    written: int
    """Leads that were written."""
    repeated: int
    """Webhooks that were written before."""
    ignored: int
    """Webhooks without a lead."""


class Delivery:
    """Writes the leads of webhooks.

    Parameters
    ----------
    writer
        Writes leads.
    metrics
        Count webhooks.
    now_ms
        Returns milliseconds since 1970.
    """

    def __init__(self, writer: Writes, metrics: HookMetrics, now_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._metrics = metrics
        self._now_ms = now_ms
        self._seen = SeenWebhooks()
        self._under_way: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def deliver(self, source: str, webhooks: Sequence[Webhook]) -> Delivered:
        """Write the leads that were not written before; return once Kafka has all of them.

        Parameters
        ----------
        source
            The sender; ids of different senders may be equal.
        webhooks
            The webhooks of one request.

        Raises
        ------
        Problem
            Kafka did not acknowledge them: the sender repeats the request.
        """
        leads = [webhook for webhook in webhooks if webhook.lead is not None]
        await self._await_others(source, leads)
        new = [webhook for webhook in leads if not self._seen.has(source, webhook.id)]
        ids = [webhook.id for webhook in new if webhook.id]
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way |= {(source, webhook_id): written for webhook_id in ids}
        try:
            now_ms = self._now_ms()
            if new:
                await self._writer.write([record_of(webhook, now_ms) for webhook in new])
            self._seen.add(source, ids)
        finally:
            for webhook_id in ids:
                self._under_way.pop((source, webhook_id), None)
            written.set_result(None)
        found = Delivered(len(new), len(leads) - len(new), len(webhooks) - len(leads))
        self._metrics.received(source, found._asdict())
        return found

    async def _await_others(self, source: str, leads: Sequence[Webhook]) -> None:
        """Wait for requests that are writing the same webhooks: they may fail."""
        while waits := {
            self._under_way[source, webhook.id]
            for webhook in leads
            if (source, webhook.id) in self._under_way
        }:
            await asyncio.wait(waits)
