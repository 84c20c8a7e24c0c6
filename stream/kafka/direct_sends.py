"""Produce requests without a task, for batches that can be sent at once.

aiokafka's sender is a task that each batch and each response wakes, and that starts a task per
request: at a low rate this took more CPU than the batches. Here the batches that are queued in one
turn of the event loop are written in the next, by a callback, and a response without errors
completes them where it arrives. Sequence numbers and requests are made by aiokafka; errors and
retries are left to its handler, in a task.

The rule of aiokafka's sender is kept: one request per broker and one batch per partition are in
flight. Both share its sets of those, so that either may send.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.conn import CloseReason
from aiokafka.errors import KafkaError, RequestTimedOutError
from aiokafka.producer.message_accumulator import MessageBatch
from aiokafka.producer.sender import SendProduceReqHandler

from stream.fetch.bounded_responses import BoundedConnection

__all__ = ["DirectSends"]

log = logging.getLogger(__name__)


class DirectSends:
    """Sends batches of an idempotent producer, which may also send by its own task.

    Parameters
    ----------
    producer
        The producer, without transactions.
    """

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._accumulator = producer._message_accumulator
        self._sender = producer._sender
        self._client = producer.client
        self._queued: set[TopicPartition] = set()
        self._retries: set[asyncio.Task[None]] = set()

    def queue(self, builder: Any, to: TopicPartition) -> asyncio.Future[Any]:
        """Queue a closed batch for a partition of which none is queued."""
        accumulator = self._accumulator
        batch = MessageBatch(to, builder, accumulator._batch_ttl, 0)
        accumulator._batches[to].append(batch)
        if not self._queued:
            accumulator._loop.call_soon(self._send_queued)
        self._queued.add(to)
        delivered: asyncio.Future[Any] = batch.future
        return delivered

    async def stop(self) -> None:
        """End the retries under way: call it when the producer has stopped."""
        for retry in self._retries:
            retry.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    def _send_queued(self) -> None:
        queued, self._queued = self._queued, set()
        self._send(queued)

    def _send(self, partitions: Iterable[TopicPartition]) -> None:
        """Send the first batch of each partition, as far as its broker is free."""
        sender, accumulator = self._sender, self._accumulator
        by_node: dict[int, list[TopicPartition]] = {}
        for to in partitions:
            if to in sender._muted_partitions or not accumulator._batches.get(to):
                continue  # whatever ends the request in flight sends it, or it was sent
            leader = self._client.cluster.leader_for_partition(to)
            if leader in sender._in_flight:
                continue
            is_empty = accumulator._batches[to][0].is_empty()  # aiokafka's after a failed append
            if leader is None or is_empty or not self._is_connected(leader):
                self._leave_to_sender()
            else:
                by_node.setdefault(leader, []).append(to)
        for node, to_send in by_node.items():
            self._send_to(node, {to: accumulator._pop_batch(to) for to in to_send})

    def _is_connected(self, node: int) -> bool:
        connection = self._client._conns.get((node, ConnectionGroup.DEFAULT))
        is_open = isinstance(connection, BoundedConnection) and connection.connected()
        return is_open and bool(self._sender._txn_manager.has_pid())

    def _leave_to_sender(self) -> None:
        waiter = self._accumulator.waiter()
        if not waiter.done():
            waiter.set_result(None)

    def _send_to(self, node: int, batches: dict[TopicPartition, MessageBatch]) -> None:
        self._sender._in_flight.add(node)
        self._sender._muted_partitions.update(batches)
        handler = SendProduceReqHandler(self._sender, batches)
        request = handler.create_request()
        connection = self._client._conns[node, ConnectionGroup.DEFAULT]
        try:
            response = connection.send(request)
        except Exception as error:
            response = asyncio.get_running_loop().create_future()
            response.set_exception(error)
        response.add_done_callback(partial(self._answered, node, handler, connection))

    def _answered(
        self,
        node: int,
        handler: SendProduceReqHandler,
        connection: Any,
        response: asyncio.Future[Any],
    ) -> None:
        if response.exception() is None and _is_accepted(response.result()):
            handler.handle_response(response.result())
            self._end(node, handler)
            return
        handler._client = _AnsweredClient(self._client, connection, response)
        retry = asyncio.get_running_loop().create_task(self._handle(node, handler))
        self._retries.add(retry)
        retry.add_done_callback(self._retries.discard)

    async def _handle(self, node: int, handler: SendProduceReqHandler) -> None:
        """Handle an error as aiokafka's sender does: fail batches, or queue them again."""
        try:
            await handler.do(node)
        except Exception as error:  # as in aiokafka, where it ends the sender
            log.exception("unexpected error of a produce request")
            for batch in handler._batches.values():
                batch.failure(KafkaError(f"unexpected error of a produce request: {error!r}"))
        finally:
            self._end(node, handler)

    def _end(self, node: int, handler: SendProduceReqHandler) -> None:
        self._sender._in_flight.remove(node)
        self._sender._muted_partitions.difference_update(handler._batches)
        if self._accumulator._batches:
            self._send(list(self._accumulator._batches))


class _AnsweredClient:
    """aiokafka's client, for a handler whose request has been answered."""

    def __init__(self, client: Any, connection: Any, response: asyncio.Future[Any]) -> None:
        self._answered = client, connection, response

    async def send(self, node: int, request: Any) -> Any:
        """Return the response, or raise its error, as the client does."""
        _, connection, response = self._answered
        try:
            return await response
        except TimeoutError as error:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise RequestTimedOutError from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answered[0], name)


def _is_accepted(response: Any) -> bool:
    """Return whether the broker has taken all batches."""
    return not any(row[1] for _, partitions in response.topics for row in partitions)
