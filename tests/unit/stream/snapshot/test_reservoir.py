"""A reservoir is a uniform sample, whatever the steps in which the items come."""

from random import Random
from typing import Any

import pytest

from stream.snapshot.reservoir import Reservoir


def drawn(size: Any, count: Any, random: Any, step: Any) -> Any:
    reservoir: Reservoir[int] = Reservoir(size, random)
    for start in range(0, count, step):
        reservoir.extend(range(start, min(start + step, count)))
    assert reservoir.seen == count
    return reservoir.items


@pytest.mark.parametrize("count", [0, 1, 9, 10])
def test_a_sample_that_fits_is_kept_whole(count: int) -> None:
    assert drawn(10, count, Random(1), 3) == list(range(count))


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_no_item_is_kept_twice_and_the_size_is_held(step: int) -> None:
    items = drawn(10, 1000, Random(2), step)
    assert len(set(items)) == 10
    assert set(items) <= set(range(1000))


@pytest.mark.parametrize("size", [1, 5])
def test_every_item_is_as_likely_as_any_other(size: int) -> None:
    random, runs, count = Random(3), 6000, 20
    kept = [0] * count
    for _ in range(runs):
        for item in drawn(size, count, random, 6):
            kept[item] += 1
    expected = runs * size / count
    chi2 = sum((n - expected) ** 2 / expected for n in kept)
    assert chi2 < 44  # of 19 degrees of freedom, exceeded once in a thousand times


def test_a_late_item_of_a_long_stream_is_drawn_too() -> None:
    kept = [item for _ in range(20) for item in drawn(50, 20_000, Random(_), 500)]
    assert 8000 < sum(kept) / len(kept) < 12_000
