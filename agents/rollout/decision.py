"""The next move of a rollout: on, back, or not yet, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agents.rollout.evidence import Evidence
from agents.rollout.triggers import Finding, Limits, findings
from model.rollout_plan import RolloutPlan

__all__ = ["Decision", "Move", "Readiness", "decide"]


class Move(StrEnum):
    """Next action of a rollout."""

    WAIT = "wait"
    STEP = "step"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Requirements of a step before it ends, besides its time.

    Attributes
    ----------
    leads
        Leads of the canary.
    silence_ms
        Longest time without an output: silence is no health.
    """

    leads: int = 1000
    silence_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class Decision:
    """A move, and why.

    Attributes
    ----------
    move, why
        As they say.
    findings
        The reasons for a rollback.
    """

    move: Move
    why: str
    findings: tuple[Finding, ...] = ()


def decide(
    plan: RolloutPlan, evidence: Evidence, now: int, limits: Limits, readiness: Readiness
) -> Decision:
    """Decide on the step of a rollout that is under way.

    Parameters
    ----------
    plan
        The plan.
    evidence
        The outputs of its present step.
    now
        Milliseconds since 1970.
    limits, readiness
        The harm that is tolerated, and what a step must have.
    """
    if found := findings(evidence, limits):
        return Decision(
            Move.ROLL_BACK, "; ".join(finding.sentence for finding in found), tuple(found)
        )
    if (lacking := _lacking(plan, evidence, now, readiness)) is not None:
        return Decision(Move.WAIT, lacking)
    canary = evidence.total.canary
    why = f"{plan.share:g} % for {(now - evidence.began) / 1000:,.0f} s: {canary.leads:,} leads"
    return Decision(Move.PROMOTE if plan.is_last else Move.STEP, f"{why}, no harm found")


def _lacking(plan: RolloutPlan, evidence: Evidence, now: int, readiness: Readiness) -> str | None:
    """Return what keeps a step from ending; None: nothing."""
    left = evidence.began / 1000 + plan.seconds - now / 1000
    if left > 0:
        return f"{left:,.0f} s of the step are left"
    leads = evidence.total.canary.leads
    if leads < readiness.leads:
        return f"the canary has scored {leads:,} leads, {readiness.leads:,} are needed"
    if evidence.latest is None or now - evidence.latest > readiness.silence_ms:
        return f"no lead came in the last {readiness.silence_ms / 1000:,.0f} s"
    return None
