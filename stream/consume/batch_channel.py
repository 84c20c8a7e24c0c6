"""The Faust channel on which batches travel from the source to the score agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from mode.utils.queues import FlowControlEvent, ThrowableQueue

__all__ = ["BatchChannel"]


class BatchChannel(faust.Channel):
    """A channel with one bounded queue, for whoever reads it, now or later.

    Faust's own channels give each reader a queue: what is put while nobody reads is gone, and so
    is what waits when an agent is restarted. They are also emptied and paused whenever partitions
    of *Faust's* consumer move, which has nothing to do with ours.

    Values are put on it, not Events: a stream skips Events while Faust's consumer is between two
    assignments. Who puts waits while the queue is full.
    """

    _queue: Any

    @property
    def queue(self) -> Any:
        """The queue, made when first used."""
        if self._queue is None:
            flow = FlowControlEvent(initially_suspended=False)
            self._queue = ThrowableQueue(self.maxsize or 0, flow_control=flow)
        return self._queue

    async def put(self, value: Any) -> None:
        """Put a value on the queue; waits while it is full."""
        await self.queue.put(value)

    def _clone_args(self) -> Mapping[str, Any]:
        return {**super()._clone_args(), "queue": self.queue}
