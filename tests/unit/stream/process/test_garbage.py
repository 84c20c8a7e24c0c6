"""Batches of thousands of objects start no garbage collection each."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from stream.process.garbage import THRESHOLD, collect_seldom


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_a_batch_of_many_objects_starts_no_collection() -> None:
    collect_seldom()
    before = sum(generation["collections"] for generation in gc.get_stats())
    kept = [[number] for number in range(THRESHOLD // 2)]
    assert sum(generation["collections"] for generation in gc.get_stats()) == before
    assert len(kept) == THRESHOLD // 2
