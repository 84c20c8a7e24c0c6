import pytest

from stream.fetch.memory_budget import MemoryBudget

MIB = 1 << 20


@pytest.mark.parametrize("total", [48 * MIB, 96 * MIB, 1024 * MIB])
@pytest.mark.parametrize("partitions", [1, 4, 64])
def test_the_shares_are_within_the_budget(total: int, partitions: int) -> None:
    budget = MemoryBudget(total)
    record, piece = budget.batches.record_bytes, budget.batches.piece_bytes
    used = (
        budget.fetch_bytes  # being received
        + partitions * budget.partition_fetch_bytes(partitions)
        + 2 * piece
        + budget.in_flight_bytes
        + budget.poll_bytes
        + record
    )
    assert used <= total


def test_a_lead_of_the_largest_size_is_read_whole_with_its_envelope() -> None:
    budget = MemoryBudget(512 * MIB, max_event_bytes=4 * MIB)
    assert budget.batches.record_bytes > 4 * MIB
    assert budget.batches.piece_bytes > budget.batches.record_bytes


def test_a_lead_that_is_too_large_is_read_as_far_as_topics_take_it() -> None:
    assert MemoryBudget(max_event_bytes=1000).batches.record_bytes == MIB
