"""The Faust channel on which batches travel from the source to the score agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import faust
from mode.utils.queues import FlowControlEvent, ThrowableQueue

__all__ = ["BatchChannel"]


class BatchChannel(faust.Channel):
    """A channel with one bounded queue, which outlives its readers.

    Faust's own channels have a queue per reader: values put while there is no reader are lost, and
    so are those that wait when an agent is restarted. They are also emptied and paused in each
    rebalance of *Faust's* consumer, which has nothing to do with the batch source.

    It carries plain values, not Events: a stream skips Events while Faust's consumer is between two
    assignments. ``put`` waits while the queue is full.
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
