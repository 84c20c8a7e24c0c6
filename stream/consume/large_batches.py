"""Warns at the start if the source topic allows batches larger than the worker's budget."""

from __future__ import annotations

import logging

from stream.fetch.memory_budget import MemoryBudget, least_budget_mb
from stream.kafka.topic_limits import LimitReader

__all__ = ["warn_of_large_batches"]

log = logging.getLogger(__name__)


async def warn_of_large_batches(read_limits: LimitReader, topic: str, budget: MemoryBudget) -> None:
    """Warn if a topic may hold batches that are too large for the memory budget to be read.

    Parameters
    ----------
    read_limits
        Asks the broker; if the limit can't be read, there is no warning.
    topic
        The source topic.
    budget
        The worker's memory budget.
    """
    limit = (await read_limits([topic])).get(topic)
    if limit is not None and limit > budget.largest_batch_bytes:
        log.warning(
            "topic %s takes batches of %d bytes, but batches of more than %d bytes are not read:"
            " their leads become dead letters (TOO_LARGE). Lower the topic's max.message.bytes, or"
            " raise LEADSCORE_MEMORY_BUDGET_MB to %d",
            *(topic, limit, budget.largest_batch_bytes, least_budget_mb(limit)),
        )
