from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.drift import BLOCK, BlockCounts
from agents.drift_windows import summed
from agents.partials import Partial, decode_partial, dense, sparse
from features.counts import LeadCounts
from tests.unit.agents.drift_log import LAYOUT, WINDOW_MS, counting, leads

YEAR_9999 = 253_402_300_799_999


def partial_of(count: int, *, first: int = 0, event: int | None = None) -> Partial:
    log = leads(count, first=first, step_ms=0)
    if event is not None:
        log = log._replace(events=np.full(count, event))
    block = BlockCounts(counting(), "leads", 7, 0)
    block.add(log)
    (partial,) = block.partials(BLOCK - 1)
    return partial


@given(
    count=st.integers(1, 200),
    first=st.integers(0, 50),
    event=st.integers(-(2**40), YEAR_9999),
)
def test_a_partial_comes_back_as_it_was(count: int, first: int, event: int) -> None:
    partial = partial_of(count, first=first, event=event)
    found = decode_partial(partial.encode())
    assert found.key == partial.key
    assert summed([found.counts], LAYOUT.size) == partial.counts
    for name in ("offsets", "scores", "codes"):
        mine, theirs = getattr(found.sample, name), getattr(partial.sample, name)
        assert np.array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype
    assert found.encode() == partial.encode()
    assert (found.first_event, found.last_event) == (event, event)
    assert found.window_start == event // WINDOW_MS * WINDOW_MS


def test_a_partial_without_a_sample_comes_back() -> None:
    block = BlockCounts(counting(), "leads", 0, 0)
    log = leads(1)
    block.add(log._replace(offsets=log.offsets + 1))
    (partial,) = block.partials(2)
    assert len(decode_partial(partial.encode()).sample.offsets) == 0


def test_the_key_differs_by_window_block_and_model() -> None:
    partial = partial_of(1)
    assert partial.key == b"7/0/0/" + b"3f" * 8


@given(data=st.data())
def test_damaged_bytes_are_a_value_error_and_nothing_else(data: st.DataObject) -> None:
    value = bytearray(partial_of(20).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(value)))
    try:
        partial = decode_partial(bytes(value[:cut]))
    except ValueError as error:
        assert str(error).startswith("expected a drift_partial")  # noqa: PT017
    else:
        assert decode_partial(partial.encode()).key == partial.key


@pytest.mark.parametrize("value", [None, b"", b"\xc3\x01", b"not a partial at all"])
def test_bytes_that_are_no_partial_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError, match="expected a drift_partial"):
        decode_partial(value)


def test_a_sample_whose_parts_differ_is_damaged() -> None:
    value = partial_of(3).encode()
    scores = partial_of(3).sample.scores.tobytes()
    at = value.index(scores)
    shorter = value[: at - 1] + bytes([(len(scores) - 4) * 2]) + value[at + 4 :]
    with pytest.raises(ValueError, match="the parts of the sample differ"):
        decode_partial(shorter)


@pytest.mark.parametrize(
    "damage",
    [
        {"next_offset": -1},
        {"window_ms": 0},
        {"block": 2**48},
        {"last_event": 2**62},
        {"window_start": -(2**48)},
        {"counts": LeadCounts(np.array([3, -1]), 2, 1, 0, 0)},
        {"counts": LeadCounts(np.array([3, 2**62]), 2, 1, 0, 0)},
        {"counts": LeadCounts(np.array([3]), -2, 1, 0, 0)},
    ],
)
def test_numbers_that_no_block_has_are_damage(damage: dict[str, Any]) -> None:
    """Found by fuzzing: the window that took them in could not be read again."""
    value = replace(partial_of(3), **damage).encode()
    with pytest.raises(ValueError, match="outside the range that a block of leads can have"):
        decode_partial(value)


@given(st.lists(st.integers(0, 3), max_size=30))
def test_sparse_and_dense_are_each_other_s_inverse(counts: list[int]) -> None:
    vector = np.array(counts, dtype=np.int64)
    assert dense(*sparse(vector), size=len(counts)).tolist() == counts


@pytest.mark.parametrize(
    ("codes", "counts"),
    [([1, 2], [1]), ([-1], [1]), ([2**31 - 1], [1]), ([2**20], [1])],
    ids=["of other lengths", "below 0", "gigabytes for one number", "megabytes"],
)
def test_places_in_no_vector_are_refused(codes: list[int], counts: list[int]) -> None:
    with pytest.raises(ValueError, match="expected codes of bins"):
        dense(codes, counts)
