"""Until when a candidate has learnt: by the window of its training."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stream.verdict.request import learnt_until


def candidate(window: Any) -> Any:
    return SimpleNamespace(metadata=SimpleNamespace(metrics={"window": window}))


def test_the_last_day_of_the_training_counts_whole() -> None:
    found = learnt_until(candidate(["2026-01-01", "2026-05-03"]))
    assert datetime.fromtimestamp(found / 1000, UTC).isoformat()[:23] == "2026-05-03T23:59:59.999"


@pytest.mark.parametrize("window", [None, [], ["2026-01-01"]])
def test_without_times_no_lead_is_left_out(window: Any) -> None:
    assert learnt_until(candidate(window)) == 0
