"""A topic that is missing ends the worker, but not at once."""

from __future__ import annotations

import asyncio

import pytest

from schemas.errors import FatalError
from stream.consume.missing_topic import MissingTopic
from testing.jumping_time import in_jumping_time


@in_jumping_time
async def test_a_topic_that_is_missing_for_longer_than_the_limit_is_an_error() -> None:
    topic = MissingTopic("leads", limit=120.0)
    topic.look(is_known=False)
    await asyncio.sleep(120)
    topic.look(is_known=False)
    await asyncio.sleep(1)
    with pytest.raises(FatalError, match=r"Topic leads was expected.*leadscore topics create"):
        topic.look(is_known=False)


@in_jumping_time
async def test_a_topic_that_comes_back_in_time_may_be_missing_again() -> None:
    topic = MissingTopic("leads", limit=120.0)
    for _ in range(3):
        topic.look(is_known=False)
        await asyncio.sleep(119)
        topic.look(is_known=True)
    topic.look(is_known=False)
    await asyncio.sleep(121)
    with pytest.raises(FatalError, match="has not known it"):
        topic.look(is_known=False)
