"""Past retrainings by the topic of plans, as the triggers need them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agents.retraining.triggers import Trigger, TriggerRules
from stream.retraining.plan import RetrainPlan, RetrainRecord
from stream.settings import Settings

__all__ = ["Ledger", "rules_of"]

DAY_MS, HOUR_MS = 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """Past retrainings.

    Attributes
    ----------
    records
        The latest record of each, by id, the oldest first.
    """

    records: Mapping[str, RetrainRecord]

    @property
    def open(self) -> RetrainPlan | None:
        """The trainer's oldest plan that has not ended; None if there is none.

        A plan of the command is executed by the command alone.
        """
        return next(
            (
                record.plan
                for record in self.records.values()
                if record.state == "planned" and record.plan.executor == "trainer"
            ),
            None,
        )

    @property
    def last_plan(self) -> RetrainPlan | None:
        """The latest plan; None if there is none."""
        return next((record.plan for record in reversed([*self.records.values()])), None)

    @property
    def ended_at(self) -> int | None:
        """When the last retraining ended, milliseconds since 1970; None if none has."""
        return max(self.handled.values(), default=None)

    @property
    def handled(self) -> dict[str, int]:
        """When the last retraining of each cause ended, by the cause's key."""
        ended: dict[str, int] = {}
        for record in self._ended():
            at = round(record.written_at.timestamp() * 1000)
            ended[record.plan.cause] = max(at, ended.get(record.plan.cause, 0))
        return ended

    def refusal(self, trigger: Trigger, cause: str, now: int, rules: TriggerRules) -> str | None:
        """Return why a request is not followed; None if it is.

        A request of a person waits for nothing but a running retraining.
        """
        if trigger is Trigger.MANUAL:
            return None
        if self.open is not None:
            return f"retraining {self.open.id} has not ended"
        if self.ended_at is not None and now < self.ended_at + rules.cooldown_ms:
            return "the last retraining ended within the cool-down"
        if (at := self.handled.get(cause)) is not None and now < at + rules.repeat_ms:
            return "the same cause had a retraining a short time ago"
        return None

    def _ended(self) -> Iterable[RetrainRecord]:
        return (record for record in self.records.values() if record.state == "ended")


def rules_of(settings: Settings) -> TriggerRules:
    """Return the limits of the triggers as they are set."""
    return TriggerRules(
        enabled=frozenset(Trigger(name) for name in settings.retrain_triggers if name != "none"),
        drift_share=settings.retrain_drift_share,
        auc_loss=settings.retrain_auc_loss,
        conversion_loss=settings.retrain_conversion_loss,
        age_ms=round(settings.retrain_age_days * DAY_MS),
        schedule_ms=round(settings.retrain_schedule_days * DAY_MS),
        labels=settings.retrain_new_labels,
        cooldown_ms=round(settings.retrain_cooldown_hours * HOUR_MS),
        repeat_ms=round(settings.retrain_repeat_days * DAY_MS),
    )
