"""A rollout advances by time, traffic and health, and is rolled back by evidence."""

from __future__ import annotations

from agents.canary_mark import Arm
from agents.rollout.decision import Decision, Move, Readiness, decide
from agents.rollout.evidence import Evidence
from agents.rollout.triggers import Limits, Trigger
from model.rollout_plan import RolloutPlan, RolloutStep
from tests.unit.agents.rollout.outputs import BEGAN, SALT, changed, evidence, outputs

PLAN = RolloutPlan(
    salt=SALT, steps=(RolloutStep(share=10, seconds=20), RolloutStep(share=50, seconds=20))
)


def decided(given: Evidence, after: int, plan: RolloutPlan = PLAN) -> Decision:
    return decide(
        plan, given, BEGAN + 1000 * after, Limits(), Readiness(leads=100, silence_ms=10_000)
    )


def test_a_step_ends_after_its_time_with_enough_traffic_and_no_harm() -> None:
    given = evidence(10)
    given.add(outputs(1500, 10))
    assert decided(given, 19).move is Move.WAIT
    decision = decided(given, 30)
    assert decision.move is Move.STEP
    assert "no harm found" in decision.why


def test_after_the_last_step_the_canary_is_promoted() -> None:
    given = evidence(50)
    given.add(outputs(1500, 50))
    assert decided(given, 30, PLAN.following()).move is Move.PROMOTE


def test_too_few_leads_or_silence_keep_a_step() -> None:
    given = evidence(10)
    assert "scored 0 leads, 100 are needed" in decided(given, 10_000).why
    given.add(outputs(300, 10))
    assert decided(given, 10_000).move is Move.WAIT
    given.add(outputs(1500, 10, seed=1))
    decision = decided(given, 60)
    assert (decision.move, decision.why) == (Move.WAIT, "no lead came in the last 10 s")


def test_harm_leads_back_before_the_time_of_the_step() -> None:
    given = evidence(10)
    given.add(
        changed(
            500,
            lambda seen, arm: seen._replace(score=None) if arm is Arm.CANARY else seen,
            10,
        )
    )
    decision = decided(given, 15)
    assert decision.move is Move.ROLL_BACK
    assert [finding.trigger for finding in decision.findings] == [Trigger.DEAD_LETTERS]


def test_outputs_of_another_step_or_rollout_do_not_count() -> None:
    given = evidence(10)
    given.add(outputs(300, 50, first=0))
    given.add(
        seen._replace(mark=seen.mark._replace(salt="other"))
        for seen in outputs(300, 10, first=0)
        if seen.mark
    )
    assert given.total.canary.leads == 0
