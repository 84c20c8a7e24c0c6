"""The warning that the source topic takes batches that are not read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from stream.consume.large_batches import warn_of_large_batches
from stream.fetch.memory_budget import MemoryBudget, least_budget_mb

MIB = 1 << 20


@pytest.mark.parametrize(
    ("limits", "is_warned"),
    [({"leads": 100 * MIB}, True), ({"leads": 16 * MIB}, False), ({}, False)],
)
async def test_a_topic_that_takes_more_than_is_read_is_warned_of(
    limits: Mapping[str, int], is_warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def read_limits(topics: Collection[str]) -> Mapping[str, int]:
        assert topics == ["leads"]
        return limits

    await warn_of_large_batches(read_limits, "leads", MemoryBudget())
    assert caplog.messages == is_warned * [
        "topic leads takes batches of 104857600 bytes, but batches of more than 16777216 bytes are"
        " not read: their leads become dead letters (TOO_LARGE). Lower the topic's"
        " max.message.bytes, or raise LEADSCORE_MEMORY_BUDGET_MB to 600"
    ]


@pytest.mark.parametrize("size", [1, MIB, 16 * MIB, 300_000_000])
def test_with_the_budget_that_is_named_the_batch_is_read(size: int) -> None:
    least = least_budget_mb(size)
    assert MemoryBudget(least * MIB).largest_batch_bytes >= size
    assert MemoryBudget((least - 1) * MIB).largest_batch_bytes < size
