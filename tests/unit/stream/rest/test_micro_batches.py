"""Requests that arrive together are scored together, and none waits for company."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from stream.process.background_tasks import BackgroundTasks
from stream.rest.leads import RestLead, lead_of
from stream.rest.micro_batches import INLINE, MOST_LEADS, MicroBatches, OverloadedError
from stream.rest.scoring import Answer


def leads(*names: str) -> list[RestLead]:
    return [lead_of({"lead_id": name}, "r", 0) for name in names]


class Place:
    """Micro-batches around a scorer that answers with the leads' own values."""

    def __init__(self, most_waiting: int = 10_000) -> None:
        self.sizes: list[int] = []
        self.error: Exception | None = None
        self.batches = MicroBatches(self._score, self.sizes.append, most_waiting)
        self.tasks = BackgroundTasks()

    def _score(self, given: Sequence[RestLead]) -> list[Answer]:
        if self.error is not None:
            raise self.error
        return [{"value": lead.value} for lead in given]

    async def __aenter__(self) -> Place:
        self.tasks.start(self.batches.run())
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.tasks.cancel()


async def test_a_lone_request_is_scored_at_once() -> None:
    async with Place() as place:
        [lead] = leads("a")
        assert await place.batches.score([lead]) == [{"value": lead.value}]
    assert place.sizes == [1]


async def test_requests_of_one_moment_are_one_call_and_each_gets_its_own_answers() -> None:
    async with Place() as place:
        requests = [leads(f"a{i}", f"b{i}") for i in range(INLINE)]
        answers = await asyncio.gather(*map(place.batches.score, requests))
    assert place.sizes == [2 * INLINE]
    for request, answer in zip(requests, answers, strict=True):
        assert answer == [{"value": lead.value} for lead in request]


async def test_a_call_has_a_bounded_number_of_leads_unless_one_request_has_more() -> None:
    large, half = leads(*["a"] * (MOST_LEADS + 1)), leads(*["b"] * (MOST_LEADS // 2 + 1))
    async with Place() as place:
        await asyncio.gather(*map(place.batches.score, (large, half, half)))
    assert place.sizes == [len(large), len(half), len(half)]


async def test_an_error_reaches_all_requests_of_the_call_and_the_next_call_works() -> None:
    async with Place() as place:
        place.error = ValueError("broken")
        found = await asyncio.gather(
            *(place.batches.score(leads(name)) for name in "ab"), return_exceptions=True
        )
        assert found == [place.error, place.error]
        place.error = None
        assert len(await place.batches.score(leads("c"))) == 1


async def test_a_request_whose_client_has_gone_is_not_scored() -> None:
    async with Place() as place:
        gone = asyncio.ensure_future(place.batches.score(leads("a")))
        stays = asyncio.ensure_future(place.batches.score(leads("b")))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
    assert place.sizes == [1]


async def test_more_leads_than_may_wait_are_refused() -> None:
    place = Place(most_waiting=3)
    waiting = [asyncio.ensure_future(place.batches.score(leads("a", "b")))]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await place.batches.score(leads("c", "d"))
    async with place:
        assert len(await waiting[0]) == 2
