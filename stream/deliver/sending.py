"""The rows of one call to send, from the call until they are delivered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from schemas.errors import FatalError
from stream.kafka.producer import Output

__all__ = ["RecordsTooLargeError", "Sending", "end_all", "take_waiting"]


class RecordsTooLargeError(FatalError):
    """The broker refused records as too large, all others of the batch were delivered.

    Handled, it is a dead letter for each; else it stops the worker.

    Attributes
    ----------
    positions
        Which records, as indices of the rows given to ``send``.
    """

    def __init__(self, topic: str, positions: Sequence[int]) -> None:
        super().__init__(
            f"Topic {topic} was expected to take every record, but refused {len(positions)} as too "
            "large: raise its max.message.bytes, or let this user read it (DescribeConfigs), so "
            "that such records become dead letters before they are sent."
        )
        self.topic = topic
        self.positions = tuple(positions)


@dataclass(frozen=True, slots=True)
class Sending:
    """The rows of one call, and the future that the caller awaits.

    Attributes
    ----------
    rows
        Key, value and headers of each record.
    deadline
        The loop's time until which they must be delivered.
    delivered
        Completes when they are delivered; the caller may cancel it.
    """

    rows: Sequence[Output]
    deadline: float
    delivered: asyncio.Future[None]

    def __post_init__(self) -> None:
        self.delivered.add_done_callback(_retrieve_error)

    def end(self, error: Exception | None) -> None:
        """Set the caller's result, unless the caller has stopped waiting."""
        if self.delivered.done():
            return
        if error is None:
            self.delivered.set_result(None)
        else:
            self.delivered.set_exception(error)


def take_waiting(waiting: deque[Sending]) -> list[Sending]:
    """Remove and return all that wait, except those whose caller has stopped waiting."""
    group: list[Sending] = []
    while waiting:
        sending = waiting.popleft()
        if not sending.delivered.done():
            group.append(sending)
    return group


def end_all(topic: str, group: Sequence[Sending], refused: Sequence[int]) -> None:
    """Complete the calls of a group; a call with refused rows gets an error that names them.

    Parameters
    ----------
    topic
        The topic of all.
    group
        Calls whose rows were sent together, in their order.
    refused
        Indices of refused rows, among the rows of all calls.
    """
    first = 0
    for sending in group:
        end = first + len(sending.rows)
        own = [at - first for at in refused if first <= at < end]
        sending.end(RecordsTooLargeError(topic, own) if own else None)
        first = end


def _retrieve_error(delivered: asyncio.Future[None]) -> None:
    """Mark an error as retrieved: who sent several may stop at the first that fails."""
    if not delivered.cancelled():
        delivered.exception()
