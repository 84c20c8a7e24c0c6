"""Delivery of webhooks: repeats are written once, failures are repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from monitoring.telemetry.hook_metrics import HookMetrics
from stream.hooks.delivery import Delivered, Delivery
from stream.hooks.webhook import Webhook
from stream.rest.lead_writer import NOT_WRITTEN, LeadRecord, Place
from stream.rest.problems import Problem

LEAD = {"lead_id": "a"}


class Topic:
    """A topic that accepts records, unless it is set to fail or to wait."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.fails = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, leads: Sequence[LeadRecord]) -> Sequence[Place]:
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise NOT_WRITTEN
        self.keys += [lead.key for lead in leads]
        return []


def delivery_to(topic: Topic) -> Delivery:
    return Delivery(topic, HookMetrics(CollectorRegistry()), lambda: 5)


async def test_a_repeated_webhook_is_written_once() -> None:
    topic = Topic()
    delivery = delivery_to(topic)
    webhooks = [Webhook("1", LEAD), Webhook("2", None)]
    assert await delivery.deliver("generic", webhooks) == Delivered(1, 0, 1)
    assert await delivery.deliver("generic", webhooks) == Delivered(0, 1, 1)
    assert await delivery.deliver("hubspot", webhooks) == Delivered(1, 0, 1)
    assert topic.keys == [b"a", b"a"]


async def test_a_webhook_that_was_not_written_is_written_when_it_is_repeated() -> None:
    topic = Topic()
    delivery = delivery_to(topic)
    topic.fails = 1
    with pytest.raises(Problem):
        await delivery.deliver("generic", [Webhook("1", LEAD)])
    assert await delivery.deliver("generic", [Webhook("1", LEAD)]) == Delivered(1, 0, 0)


@pytest.mark.parametrize("fails", [0, 1])
async def test_a_repeat_waits_for_the_request_that_writes_the_webhook(fails: int) -> None:
    topic = Topic()
    delivery = delivery_to(topic)
    topic.gate.clear()
    topic.fails = fails
    both = [
        asyncio.ensure_future(delivery.deliver("generic", [Webhook("1", LEAD)])) for _ in range(2)
    ]
    await asyncio.sleep(0)
    topic.gate.set()
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert topic.keys == [b"a"]
    if fails:
        assert isinstance(outcomes[0], Problem)
        assert outcomes[1] == Delivered(1, 0, 0)
    else:
        assert outcomes == [Delivered(1, 0, 0), Delivered(0, 1, 0)]
