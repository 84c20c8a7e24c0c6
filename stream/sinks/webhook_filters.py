"""Filters of a webhook: which scored events a target wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.scored_event import CATEGORIES
from stream.sinks.previous_scores import Score
from stream.sinks.webhook_targets import Target

__all__ = ["HOT", "passes"]

HOT = CATEGORIES[-1]
"""Category of hot leads."""


def passes(target: Target, event: Mapping[str, Any], before: Score | None) -> bool:
    """Return whether a target wants an event.

    With `hot_only` it wants hot leads alone. With `band_crossed` or `score_changed` it wants those
    where one of the two is true; a lead without an earlier score always passes them.

    Parameters
    ----------
    target
        With its filters.
    event
        A scored event.
    before
        The lead's score before it; None where there is none, or it is not known.
    """
    if target.hot_only and event["category"] != HOT:
        return False
    if not target.needs_previous or before is None:
        return True
    if target.band_crossed and event["category"] != before.category:
        return True
    least = target.score_changed
    return least is not None and abs(event["score"] - before.score) > least
