"""Filters of webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from stream.sinks.previous_scores import Score
from stream.sinks.webhook_filters import passes
from stream.sinks.webhook_targets import Target


def wants(score: float, before: float | None, **filters: Any) -> bool:
    target = Target(name="crm", url="https://example.com", template="slack", **filters)
    event = {"score": score, "category": category(score)}
    return passes(target, event, None if before is None else Score(before, category(before)))


def category(score: float) -> str:
    return "High" if score >= 0.5 else "Low"


@pytest.mark.parametrize(
    ("score", "before", "filters", "is_wanted"),
    [
        (0.1, 0.1, {}, True),
        (0.1, None, {"hot_only": True}, False),
        (0.6, 0.6, {"hot_only": True}, True),
        (0.6, 0.4, {"band_crossed": True}, True),
        (0.4, 0.6, {"band_crossed": True}, True),
        (0.6, 0.9, {"band_crossed": True}, False),
        (0.6, None, {"band_crossed": True}, True),
        (0.3, 0.1, {"score_changed": 0.1}, True),
        (0.1, 0.3, {"score_changed": 0.1}, True),
        (0.25, 0.125, {"score_changed": 0.125}, False),
        (0.3, 0.1, {"band_crossed": True, "score_changed": 0.1}, True),
        (0.4, 0.6, {"hot_only": True, "band_crossed": True}, False),
        (0.6, 0.4, {"hot_only": True, "band_crossed": True}, True),
        (0.1, None, {"hot_only": True, "band_crossed": True}, False),
    ],
)
def test_an_event_passes_by_its_band_and_its_change(
    score: float, before: float | None, filters: dict[str, Any], is_wanted: bool
) -> None:
    assert wants(score, before, **filters) is is_wanted
