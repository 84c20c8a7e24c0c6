"""The store in memory does what every store must."""

from __future__ import annotations

import pytest

from agents.outcomes.store import MemoryStore
from tests.store_conformance import CHECKS, Open


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_store_in_memory_conforms(check: object) -> None:
    store = MemoryStore()
    opened: Open = lambda: store  # noqa: E731
    assert check(opened) is None  # type: ignore[operator]
