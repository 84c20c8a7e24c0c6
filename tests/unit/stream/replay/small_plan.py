"""A plan of a replay with names of one letter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stream.replay.plan import ReplayPlan
from stream.replay.ranges import PartitionRange
from stream.settings import Settings, load_settings

__all__ = ["small_plan"]


def small_plan(
    *ranges: PartitionRange, settings: Settings | None = None, **given: Any
) -> ReplayPlan:
    """Return a plan of some ranges of a topic with two partitions."""
    return ReplayPlan(
        id="r",
        topic="leads",
        partitions=2,
        ranges=ranges,
        model_id="m",
        model_version="1",
        model_sha256="0" * 64,
        out="out",
        dead_letters="out.dlq",
        group_id="g",
        settings=ReplayPlan.kept(settings or load_settings()),
        created_at=datetime.now(UTC),
        **given,
    )
