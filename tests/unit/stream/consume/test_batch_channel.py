from __future__ import annotations

import asyncio

import faust

from stream.consume.batch_channel import BatchChannel


def make_channel(maxsize: int = 4) -> BatchChannel:
    return BatchChannel(faust.App("test", broker="memory://"), maxsize=maxsize)


async def test_an_item_that_is_put_without_a_reader_waits_for_one() -> None:
    channel = make_channel()
    await channel.put("early")
    assert await anext(aiter(channel)) == "early"


async def test_items_that_one_reader_leaves_are_read_by_the_next() -> None:
    channel = make_channel()
    first = aiter(channel)
    await channel.put("one")
    await channel.put("two")
    assert await anext(first) == "one"
    assert await anext(aiter(channel)) == "two"


async def test_putting_waits_while_the_channel_is_full() -> None:
    channel = make_channel(maxsize=1)
    await channel.put("one")
    second = asyncio.create_task(channel.put("two"))
    await asyncio.sleep(0)
    assert not second.done()
    assert await anext(aiter(channel)) == "one"
    await second


async def test_an_app_that_resumes_its_own_flow_does_not_empty_it() -> None:
    channel = make_channel()
    await channel.put("one")
    channel.app.flow_control.suspend()
    channel.app.flow_control.resume()
    assert await anext(aiter(channel)) == "one"
