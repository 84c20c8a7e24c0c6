"""Agents, and the topics of those of low rate, which stock Faust reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from stream.consume.batch_source import BatchSource
from stream.consume.partition_progress import Batch

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["Accept", "follow_assignment", "owns", "raw_topic", "read_batches", "read_events"]

Accept = Callable[[Sequence[Batch]], Awaitable[None]]
"""Accepts the batches of a poll."""


def read_batches(app: App, source: BatchSource, accept: Accept, *, name: str) -> None:
    """Make the agent that passes each poll of the source to ``accept``."""

    @app.agent(source.channel, name=name)
    async def read(polls: Any) -> None:
        async for batches in polls:
            await accept(batches)


def raw_topic(app: App, name: str) -> Any:
    """Return a topic for an agent of stock Faust that decodes keys and values itself."""
    return app.topic(
        name,
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
        allow_empty=True,
    )


def read_events(
    app: App, topic: Any, accept: Callable[[Any], Awaitable[None]], *, name: str
) -> None:
    """Make the agent that passes each event of a topic to ``accept``, which acknowledges it."""

    @app.agent(topic, name=name)
    async def read(stream: Any) -> None:
        # Faust would acknowledge at the end of the loop's body, even if it raised.
        async for event in stream.noack().events():
            await accept(event)


def follow_assignment(
    app: App, *, revoked: Callable[[], None], assigned: Callable[[], None]
) -> None:
    """Call a function when Faust's partitions are revoked, and one when a rebalance is complete."""

    @app.on_partitions_revoked.connect
    async def on_revoked(*_: Any, **__: Any) -> None:
        revoked()

    @app.on_rebalance_complete.connect
    async def on_complete(*_: Any, **__: Any) -> None:
        assigned()


def owns(app: App, topic: str) -> bool:
    """Return whether a partition of the topic is assigned to Faust's consumer."""
    return any(partition.topic == topic for partition in app.consumer.assignment())
