"""A cancellation that comes while a client closes ends the task that closes it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from stream.fetch.closing import closed


class Client:
    """Closes as ``AIOKafkaClient`` does: it suppresses the cancellation of its own task."""

    def __init__(self) -> None:
        self.is_closing = asyncio.Event()

    async def close(self) -> None:
        self.is_closing.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


async def retry_forever(client: Client) -> None:
    while True:
        with contextlib.suppress(ConnectionError):
            try:
                raise ConnectionError
            finally:
                await closed(client.close())


async def test_a_retry_loop_that_is_cancelled_while_its_client_closes_ends() -> None:
    client = Client()
    task = asyncio.create_task(retry_forever(client))
    await client.is_closing.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done == {task}
    assert task.cancelled()


async def test_a_time_limit_that_passes_while_a_client_closes_is_a_time_out() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await closed(Client().close())


async def test_a_task_that_is_being_cancelled_may_close_its_client() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await closed(asyncio.sleep(0))
            is_closed.set()

    is_closed = asyncio.Event()
    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert is_closed.is_set()
