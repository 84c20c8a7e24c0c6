"""Records of replays for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stream.replay.plan import ReplayPlan, ReplayRecord, State

NOW = datetime(2026, 5, 31, tzinfo=UTC)


def replay_record(replay_id: str, state: State = "ended", **given: Any) -> ReplayRecord:
    """Return the record of a replay without ranges."""
    plan = {
        "id": replay_id,
        "topic": "leads.created",
        "partitions": 4,
        "ranges": (),
        "model_id": "leads",
        "model_version": "1",
        "model_sha256": "ab" * 32,
        "out": f"leads.rescored.{replay_id}",
        "dead_letters": f"leads.rescored.{replay_id}.dlq",
        "group_id": f"leadscore-replay-{replay_id}",
        "settings": {},
        "created_at": NOW,
    } | given
    return ReplayRecord(state=state, plan=ReplayPlan(**plan), written_at=NOW)
