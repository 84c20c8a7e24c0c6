"""Plans and accounts of retrainings for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from stream.retraining.offsets import OffsetRange
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord, settings_kept
from stream.settings import load_settings

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


def plan(retrain_id: str = "r1", **given: Any) -> RetrainPlan:
    """Return a plan; rules as they are by default."""
    made: dict[str, Any] = {
        "id": retrain_id,
        "trigger": "manual",
        "cause": "manual",
        "requested_by": "anna",
        "model": "leads",
        "production": "3",
        "production_sha256": "0" * 64,
        "leads_topic": "leads.created",
        "leads": (OffsetRange(0, 0, 10),),
        "outcomes_topic": "leads.outcomes",
        "outcomes": (OffsetRange(0, 0, 5),),
        "cut_ms": round(NOW.timestamp() * 1000),
        "settings": settings_kept(load_settings()),
        "created_at": NOW,
    }
    return RetrainPlan(**{**made, **given})


def record(of: RetrainPlan, outcome: str | None = None, at: datetime = NOW) -> RetrainRecord:
    """Return the record of a plan: planned, or ended with an outcome."""
    account = None
    if outcome is not None:
        account = RetrainAccount.model_validate({"outcome": outcome, "sentence": "so"})
    return RetrainRecord(
        state="planned" if account is None else "ended", plan=of, account=account, written_at=at
    )
