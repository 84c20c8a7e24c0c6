"""The plan of a retraining, its account, and its record in the topic of plans."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.retraining.gate import GateRules
from agents.retraining.point_in_time import Cut
from stream.retraining.offsets import OffsetRange
from stream.settings import Settings

__all__ = [
    "FORMAT",
    "ID",
    "RetrainAccount",
    "RetrainPlan",
    "RetrainRecord",
    "cut_at",
    "new_id",
    "settings_kept",
]

FORMAT: Final = 1
"""Version of the records in the topic of plans; a reader refuses later ones."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
DAY_MS = 86_400_000
KEPT = (
    *("outcome_positive", "outcome_negative", "outcome_horizon_days", "outcome_late_days"),
    *("retrain_window_days", "retrain_min_rows", "retrain_time", "retrain_keep_data"),
    *("retrain_trials", "retrain_search_minutes", "retrain_segments"),
    "retrain_sample_rows",
    *("retrain_min_auc_gain", "retrain_min_business_gain", "retrain_max_segment_loss"),
    *("max_event_bytes", "earliest_year", "times_ahead_days"),
)
"""Settings that decide what a retraining does: later processes take them from the plan, not from
their environment."""

RetrainResult = Literal["passed", "rejected", "refused", "failed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class RetrainPlan(_Frozen):
    """Everything that decides which data a retraining reads, and by which rules it judges."""

    id: Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
    trigger: str
    """Kind of the cause: ``agents.retraining.triggers.Trigger``."""
    cause: str
    """Key of the cause."""
    reason: str = ""
    requested_by: str
    executor: Literal["trainer", "command"] = "trainer"
    """Who executes it: a worker of the role trainer, or `leadscore retrain run`."""
    model: str
    """Name of the model."""
    production: str
    """Version in production, which the candidate is compared with."""
    production_sha256: str
    leads_topic: str
    leads: tuple[OffsetRange, ...]
    """Fixed offsets of the leads, in the topic or the archive."""
    archive: str | None = None
    outcomes_topic: str
    outcomes: tuple[OffsetRange, ...]
    cut_ms: int
    """Nothing that happened or became known later is used; milliseconds since 1970."""
    seed: int = 42
    is_auto: bool = False
    settings: dict[str, Any]
    created_at: datetime

    @property
    def cut(self) -> Cut:
        """The moment of the data set, and the spans that count from it."""
        return cut_at(self.cut_ms, self.settings)

    @property
    def rules(self) -> GateRules:
        """The limits of the gate."""
        return GateRules(
            min_auc_gain=self.settings["retrain_min_auc_gain"],
            min_business_gain=self.settings["retrain_min_business_gain"],
            max_segment_loss=self.settings["retrain_max_segment_loss"],
        )

    def settings_of(self, given: Settings) -> Settings:
        """Return the settings of a process that executes the plan: addresses as given."""
        return given.model_copy(
            update={
                **self.settings,
                "leads_created": self.leads_topic,
                "leads_outcomes": self.outcomes_topic,
            }
        )


class RetrainAccount(_Frozen):
    """The result of a retraining."""

    outcome: RetrainResult
    """``refused``: the data do not suffice; ``failed``: a program or Kafka failed."""
    sentence: str
    version: str | None = None
    """Version of the candidate in the registry."""
    rows: int = 0
    positives: int = 0
    counts: dict[str, int] = {}
    """Number of the other records, by reason: ``agents.retraining.point_in_time.LabelCounts``."""
    data_sha256: str | None = None
    """Hash of the data set's file."""
    auc_production: float | None = None
    auc_candidate: float | None = None
    warnings: tuple[str, ...] = ()
    next_step: str = ""
    seconds: float = 0.0


class RetrainRecord(_Frozen):
    """The record of a retraining in the topic of plans; a later one of the same id replaces it."""

    format: Literal[1] = FORMAT
    state: Literal["planned", "ended"]
    plan: RetrainPlan
    account: RetrainAccount | None = None
    written_at: datetime


def new_id(now: datetime) -> str:
    """Return an id for a retraining: its time, and some letters."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def cut_at(at_ms: int, settings: Mapping[str, Any]) -> Cut:
    """Return the cut at a time by the spans among a plan's settings."""

    def span(name: str) -> int:
        return round(float(settings[name]) * DAY_MS)

    return Cut(
        at=at_ms,
        horizon_ms=span("outcome_horizon_days"),
        late_ms=span("outcome_late_days"),
        window_ms=span("retrain_window_days"),
    )


def settings_kept(settings: Settings) -> dict[str, Any]:
    """Return the settings that a plan keeps."""
    dumped = settings.model_dump(mode="json")
    return {name: dumped[name] for name in KEPT}
