"""A source that makes no progress though it has work ends the worker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stream.consume.stalls import stall_of

LIMIT = 100.0


@pytest.mark.parametrize(
    ("overdue", "stalled", "is_broker_reached", "expected"),
    [
        (0.0, 0.0, True, None),
        (LIMIT, LIMIT, True, None),
        (LIMIT + 1, 0.0, True, "has accepted no commit for 101 s"),
        (LIMIT + 1, 0.0, False, None),
        (0.0, LIMIT + 1, True, "leads has unread records"),
        (0.0, LIMIT + 1, False, "leads has unread records"),
    ],
)
def test_a_stall_is_an_error_that_names_its_cause(
    overdue: float, stalled: float, is_broker_reached: bool, expected: str | None
) -> None:
    source: Any = SimpleNamespace(topic="leads", commit_overdue_for=overdue, stalled_for=stalled)
    error = stall_of(source, LIMIT, is_broker_reached=is_broker_reached)
    assert (error is None) is (expected is None)
    assert expected is None or expected in str(error)
