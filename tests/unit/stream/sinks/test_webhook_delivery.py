"""Deliveries to one target, without a network: order, circuit breaker, attempts."""

from __future__ import annotations

import asyncio
from collections import deque

from stream.sinks.sink import WriteResult
from stream.sinks.webhook_answer import Answer, Meaning
from stream.sinks.webhook_delivery import FAILURES, Circuit, Delivery, Event
from stream.sinks.webhook_targets import Target

OK = Answer(Meaning.DELIVERED, "HTTP 200")
UNAVAILABLE = Answer(Meaning.UNAVAILABLE, "HTTP 503")
FAILED = Answer(Meaning.FAILED, "HTTP 500")


class Network:
    """Answers attempts, and remembers them."""

    def __init__(self, **fields: int) -> None:
        self.answers: deque[Answer] = deque()
        self.offsets: list[int] = []
        target = Target(name="crm", url="https://example.com", template="slack", **fields)  # type: ignore[arg-type]
        self.delivery = Delivery(target, self._post)

    async def _post(self, event: Event) -> Answer:
        self.offsets.append(event.offset)
        await asyncio.sleep(0)
        return self.answers.popleft() if self.answers else OK

    async def deliver(self, **leads: list[int]) -> dict[int, WriteResult]:
        events = {
            lead: [Event(offset, f"e-{offset}", b"{}") for offset in offsets]
            for lead, offsets in leads.items()
        }
        verdicts = await self.delivery.deliver(events)
        return {offset: verdict.outcome for offset, verdict in verdicts.items()}


async def test_events_of_a_lead_are_sent_in_order_though_leads_alternate() -> None:
    network = Network(concurrency=2)
    await network.deliver(a=[0, 2, 4], b=[1, 3])
    assert [at for at in network.offsets if at % 2 == 0] == [0, 2, 4]
    assert [at for at in network.offsets if at % 2] == [1, 3]
    assert network.offsets[:2] == [0, 1], "both at once"


async def test_a_settled_event_is_not_sent_again_until_another_batch_begins() -> None:
    network = Network(concurrency=1)
    network.answers.extend([OK, UNAVAILABLE])
    assert await network.deliver(a=[0], b=[1, 2]) == {
        0: WriteResult.WRITTEN,
        1: WriteResult.RETRY,
        2: WriteResult.RETRY,
    }
    assert not network.delivery.is_unavailable, "another lead's event was taken"
    assert set((await network.deliver(a=[0], b=[1, 2])).values()) == {WriteResult.WRITTEN}
    assert network.offsets == [0, 1, 1, 2]
    network.delivery.begin()
    await network.deliver(a=[0])
    assert network.offsets[-1] == 0


async def test_a_target_that_took_nothing_is_unavailable_before_its_circuit_opens() -> None:
    network = Network()
    network.answers.append(UNAVAILABLE)
    await network.deliver(a=[0])
    assert not network.delivery.circuit.is_open
    assert network.delivery.is_unavailable


async def test_an_open_circuit_is_tried_with_one_event_and_closes_with_its_success() -> None:
    network = Network(concurrency=1)
    network.answers.extend([UNAVAILABLE] * FAILURES)
    leads = {f"lead-{at}": [at] for at in range(9)}
    await network.deliver(**leads)
    assert network.delivery.circuit.is_open
    assert len(network.offsets) == FAILURES
    network.answers.append(UNAVAILABLE)
    await network.deliver(**leads)
    assert len(network.offsets) == FAILURES + 1
    assert set((await network.deliver(**leads)).values()) == {WriteResult.WRITTEN}
    assert not network.delivery.circuit.is_open


async def test_only_answers_to_the_event_itself_count_towards_its_last_attempt() -> None:
    network = Network(attempts=2)
    network.answers.extend([FAILED, UNAVAILABLE, UNAVAILABLE, FAILED])
    found = [await network.deliver(a=[0]) for _ in range(4)]
    assert [outcome[0] for outcome in found] == [WriteResult.RETRY] * 3 + [WriteResult.REFUSED]


async def test_a_lead_continues_after_an_event_that_is_refused() -> None:
    network = Network()
    network.answers.append(Answer(Meaning.REFUSED, "HTTP 422"))
    assert await network.deliver(a=[0, 1]) == {0: WriteResult.REFUSED, 1: WriteResult.WRITTEN}


async def test_a_circuit_waits_as_long_as_the_target_asks() -> None:
    circuit = Circuit()
    circuit.failure(Answer(Meaning.UNAVAILABLE, "HTTP 429", 30.0))
    assert circuit.is_open
    assert 29 < circuit.seconds_to_wait <= 30
    assert circuit.reason == "HTTP 429"
