"""When to retrain: a pure decision from what is known of drift, quality, age and new labels.

One cause starts one retraining: it is named after the model in production, so that reports which
repeat it start no other. If the retraining did not remove it (the gate rejected the candidate), it
may start another one after the time of ``TriggerRules.repeat_ms``, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from monitoring.quality.figure import Figure

__all__ = ["Cause", "Evidence", "Trigger", "TriggerRules", "decide"]

DAY_MS = 86_400_000


class Trigger(StrEnum):
    """Kind of cause."""

    MANUAL = "manual"
    """A person or a program asked for it."""
    DRIFT = "drift"
    """Fields have drifted: the state is critical, or the share is large."""
    PREDICTION_DRIFT = "prediction_drift"
    """The score has drifted."""
    AUC = "auc"
    """The live AUC is below that of the training."""
    CONVERSION = "conversion"
    """The conversion of the leads is below the mean score."""
    AGE = "age"
    """The model in production is old."""
    LABELS = "labels"
    """Many outcomes have come since the last data set."""
    SCHEDULE = "schedule"
    """The time since the last retraining."""


@dataclass(frozen=True, slots=True)
class TriggerRules:
    """Limits of the triggers.

    Attributes
    ----------
    enabled
        The triggers that may start a retraining.
    drift_share
        Share of drifted fields from which on drift is a cause, if the state is not critical.
    auc_loss
        Loss of AUC, trained minus live, that is a cause if it is beyond noise.
    conversion_loss
        Relative loss of conversion against the mean score that is a cause if it is beyond noise.
    age_ms, schedule_ms
        Age of the model, and time since the last retraining, that are a cause; milliseconds.
    labels
        New outcomes from which on they are a cause.
    cooldown_ms
        Time from the end of a retraining to the next one, whatever the cause; milliseconds.
    repeat_ms
        Time from the end of a retraining to the next one of the same cause; milliseconds.
    """

    enabled: frozenset[Trigger] = frozenset(Trigger) - {Trigger.SCHEDULE}
    drift_share: float = 0.5
    auc_loss: float = 0.05
    conversion_loss: float = 0.2
    age_ms: int = 90 * DAY_MS
    schedule_ms: int = 30 * DAY_MS
    labels: int = 500
    cooldown_ms: int = DAY_MS
    repeat_ms: int = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts about the model in production; None where they are not known.

    Attributes
    ----------
    now
        Milliseconds since 1970.
    model
        The model in production, such as ``leads/3``.
    published_at
        When it was published, milliseconds since 1970.
    drift_state, drifted_share, is_prediction_drift
        State of the longest horizon of the newest drift report on this model that has enough leads.
    live_auc, trained_auc
        On matured leads, with its interval, and in training.
    live_conversion, expected_conversion
        Share of matured leads that converted, with its interval, and their mean score.
    new_labels
        Outcomes that came since the data set of the last retraining.
    is_running
        Whether a retraining is planned or running, or its candidate is on its way into production.
    ended_at
        When the last retraining ended, milliseconds since 1970.
    handled
        When the last retraining of each cause ended, by the cause's key.
    """

    now: int
    model: str
    published_at: int | None = None
    drift_state: str | None = None
    drifted_share: float | None = None
    is_prediction_drift: bool | None = None
    live_auc: Figure | None = None
    trained_auc: float | None = None
    live_conversion: Figure | None = None
    expected_conversion: float | None = None
    new_labels: int | None = None
    is_running: bool = False
    ended_at: int | None = None
    handled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a retraining starts.

    Attributes
    ----------
    trigger
        Its kind.
    key
        Names the cause: reports that repeat it have the same key.
    sentence
        For people.
    """

    trigger: Trigger
    key: str
    sentence: str


def decide(evidence: Evidence, rules: TriggerRules) -> Cause | None:
    """Return the cause for a retraining now, the most urgent one; None if there is none."""
    if evidence.is_running or _is_within(evidence.now, evidence.ended_at, rules.cooldown_ms):
        return None
    for trigger, found in CHECKS.items():
        if trigger not in rules.enabled or (sentence := found(evidence, rules)) is None:
            continue
        key = f"{trigger}:{evidence.model}"
        if not _is_within(evidence.now, evidence.handled.get(key), rules.repeat_ms):
            return Cause(trigger, key, sentence)
    return None


def _is_within(now: int, ended_at: int | None, span_ms: int) -> bool:
    return ended_at is not None and now < ended_at + span_ms


def _auc(evidence: Evidence, rules: TriggerRules) -> str | None:
    live, trained = evidence.live_auc, evidence.trained_auc
    if live is None or trained is None or not _is_below(live, trained, trained - rules.auc_loss):
        return None
    return (
        f"the live AUC is {live.value:.3f} (95 % interval {live.low:.3f} to {live.high:.3f}), that"
        f" of the training was {trained:.3f}"
    )


def _conversion(evidence: Evidence, rules: TriggerRules) -> str | None:
    live, expected = evidence.live_conversion, evidence.expected_conversion
    if live is None or not expected:
        return None
    if not _is_below(live, expected, expected * (1 - rules.conversion_loss)):
        return None
    return (
        f"{live.value:.1%} of the leads converted (95 % interval {live.low:.1%} to"
        f" {live.high:.1%}), the mean score was {expected:.1%}"
    )


def _is_below(live: Figure, expected: float, limit: float) -> bool:
    """Return whether a figure is at the limit or below, and below what is expected beyond noise."""
    return live.value <= limit and live.high < expected


def _drift(evidence: Evidence, rules: TriggerRules) -> str | None:
    share = evidence.drifted_share
    if evidence.drift_state == "critical" or (share is not None and share >= rules.drift_share):
        said = "" if share is None else f", {share:.0%} of the fields have drifted"
        return f"drift is {evidence.drift_state or 'unknown'}{said}"
    return None


def _prediction_drift(evidence: Evidence, _: TriggerRules) -> str | None:
    return "the score has drifted" if evidence.is_prediction_drift else None


def _age(evidence: Evidence, rules: TriggerRules) -> str | None:
    if evidence.published_at is None or evidence.now - evidence.published_at < rules.age_ms:
        return None
    days = (evidence.now - evidence.published_at) / DAY_MS
    return f"the model in production is {days:,.0f} days old"


def _labels(evidence: Evidence, rules: TriggerRules) -> str | None:
    if evidence.new_labels is None or evidence.new_labels <= rules.labels:
        return None
    return f"{evidence.new_labels:,} outcomes came since the last data set"


def _schedule(evidence: Evidence, rules: TriggerRules) -> str | None:
    since = max((t for t in (evidence.ended_at, evidence.published_at) if t is not None), default=0)
    if evidence.now - since < rules.schedule_ms:
        return None
    return f"the schedule: every {rules.schedule_ms / DAY_MS:g} days"


CHECKS: Mapping[Trigger, Callable[[Evidence, TriggerRules], str | None]] = {
    Trigger.AUC: _auc,
    Trigger.CONVERSION: _conversion,
    Trigger.DRIFT: _drift,
    Trigger.PREDICTION_DRIFT: _prediction_drift,
    Trigger.AGE: _age,
    Trigger.LABELS: _labels,
    Trigger.SCHEDULE: _schedule,
}
"""Triggers that evidence can show, the most urgent first."""
