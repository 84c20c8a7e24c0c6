"""aiokafka's fetcher, which looks for requests to send only when some may be due.

aiokafka's fetcher is a task that waits for a set of futures. Each response wakes it, and so do the
records when they are taken: at a low rate this took more CPU than the records. Here a response
wakes those who wait for records, and the fetcher is woken when the records are taken. It waits for
one future and a timer.

This replaces parts of aiokafka, ``Fetcher.close``, ``Fetcher._fetch_requests_routine`` and the
waiting in ``Fetcher.fetched_records``, for all consumers of the process. What is requested, and
what a response does, is aiokafka's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Sequence
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import consumer
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError

__all__ = ["PromptFetcher", "use_prompt_fetcher"]

log = logging.getLogger(__name__)


class PromptFetcher(Fetcher):
    """A fetcher that wakes up once for the records of a response."""

    _timer: asyncio.TimerHandle

    async def fetched_records(
        self,
        partitions: Collection[TopicPartition],
        timeout: float = 0,  # noqa: ASYNC109 - the name is aiokafka's
        max_records: Any = None,
    ) -> dict[TopicPartition, Sequence[Any]]:
        """Return records that were fetched; wait for the next response if there are none."""
        found: dict[TopicPartition, Sequence[Any]]
        found = await super().fetched_records(partitions, 0, max_records)
        if found or not timeout:
            return found
        waiter = self._create_fetch_waiter()
        timer = self._loop.call_later(timeout, self._notify, waiter)
        try:
            await waiter  # raises errors of the group
        finally:
            timer.cancel()
        if self._closed or self._subscriptions.reassignment_in_progress:
            return {}  # aiokafka would wait for the next assignment, whatever the timeout
        found = await super().fetched_records(partitions, 0, max_records)
        return found

    async def close(self) -> None:
        """Stop, also in the pause after a request that failed.

        aiokafka's awaits the requests that it cancels. One in that pause raises CancelledError, so
        whoever closed the consumer seemed to be cancelled, and the connections stayed open.
        """
        self._closed = True
        self._fetch_task.cancel()
        await asyncio.wait({self._fetch_task})
        pending = set(self._pending_tasks)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
        self._pending_tasks.clear()
        await super().close()

    async def _fetch_requests_routine(self) -> None:
        try:
            while True:
                assignment = await self._next_assignment()
                assignment.unassign_future.add_done_callback(self._wake)
                while assignment.active:
                    await self._send_and_wait(assignment)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            log.exception("unexpected error in the fetcher")
            raise KafkaError("Unexpected error during data retrieval") from error

    async def _next_assignment(self) -> Any:
        """Drop requests and records of the assignment before, and return the current one."""
        while True:
            await self._end_requests()
            self._records.clear()
            subscription = self._subscriptions.subscription
            if subscription is None or subscription.assignment is None:
                try:
                    await self._subscriptions.wait_for_assignment()
                except KafkaError:  # the poll raises it
                    continue
            assignment = self._subscriptions.subscription.assignment
            assert assignment is not None
            assert assignment.active
            return assignment

    async def _end_requests(self) -> None:
        pending = set(self._pending_tasks)
        for task in pending:
            task.cancel()
        if pending:
            # Not by `await task`: a stop that comes meanwhile would cancel the task once more
            # instead of this one, and wait for ever.
            await asyncio.wait(pending)
        self._pending_tasks.clear()
        for task in pending:
            if not task.cancelled():
                task.result()

    async def _send_and_wait(self, assignment: Any) -> None:
        """Send the requests that are due, and wait until others may be."""
        self._wait_consume_future = changed = self._loop.create_future()
        fetches, resets, timeout, is_unknown, others = self._get_actions_per_node(assignment)
        for node, request in fetches:
            self._start(self._proc_fetch_request(assignment, node, request), node)
        for node, partitions in resets.items():
            self._start(self._update_fetch_positions(assignment, node, partitions), node)
        if is_unknown:  # a leader
            others.append(self._client.force_metadata_update())
        self._timer = self._loop.call_later(timeout, self._wake)
        try:
            if others:  # or partitions that are paused
                await asyncio.wait({changed, *others}, return_when=asyncio.FIRST_COMPLETED)
            else:
                await changed
        finally:
            self._timer.cancel()
        ended = [task for task in self._pending_tasks if task.done()]
        self._pending_tasks.difference_update(ended)
        for task in ended:
            task.result()

    def _start(self, request: Coroutine[Any, Any, bool], node: int) -> None:
        task = self._loop.create_task(request)
        self._pending_tasks.add(task)
        self._in_flight.add(node)
        task.add_done_callback(partial(self._ended, node))

    def _ended(self, node: int, task: asyncio.Task[bool]) -> None:
        """Wake up who waits for the records of a response; else the fetcher."""
        self._in_flight.discard(node)
        if task.cancelled() or task.exception() is not None or not task.result():
            self._wake()
            return
        for waiter in self._fetch_waiters:
            self._notify(waiter)
        self._timer.cancel()  # nothing is due until the records are taken, or have waited for long
        self._timer = self._loop.call_later(self._prefetch_backoff, self._wake)

    def _wake(self, *_: Any) -> None:
        self._notify(self._wait_consume_future)


def use_prompt_fetcher() -> None:
    """Replace aiokafka's fetcher, for the whole process."""
    consumer.Fetcher = PromptFetcher
