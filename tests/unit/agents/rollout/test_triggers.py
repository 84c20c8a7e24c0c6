"""Each trigger fires for a canary that misbehaves in its way, soon, and for none that does not."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt
from zlib import crc32

import pytest

from agents.canary_mark import Arm
from agents.rollout.evidence import Seen
from agents.rollout.triggers import Limits, Trigger, conversions_to_find, findings
from tests.unit.agents.rollout.outputs import changed, evidence, outputs

LIMITS = Limits()


def fails(seen: Seen, arm: Arm) -> Seen:
    assert seen.mark is not None
    is_failure = arm is Arm.CANARY and crc32(seen.lead_id or b"") % 10 == 0
    return seen._replace(mark=seen.mark._replace(arm=Arm.FALLBACK)) if is_failure else seen


def is_slow(seen: Seen, arm: Arm) -> Seen:
    assert seen.mark is not None
    took = seen.mark.microseconds + (10_000 if arm is Arm.CANARY else 0)
    return seen._replace(mark=seen.mark._replace(microseconds=took))


def is_refused(seen: Seen, arm: Arm) -> Seen:
    is_dead = arm is Arm.CANARY and crc32(seen.lead_id or b"") % 20 == 0
    return seen._replace(score=None) if is_dead else seen


def is_overconfident(seen: Seen, arm: Arm) -> Seen:
    assert seen.score is not None
    return seen._replace(score=sqrt(seen.score)) if arm is Arm.CANARY else seen


@pytest.mark.parametrize(
    ("change", "trigger", "leads"),
    [
        (fails, Trigger.ERRORS, 500),
        (is_slow, Trigger.LATENCY, 100),
        (is_refused, Trigger.DEAD_LETTERS, 1500),
        (is_overconfident, Trigger.SCORES, 1500),
    ],
)
@pytest.mark.parametrize("share", [10, 50])
def test_a_canary_that_does_harm_is_found(
    change: Callable[[Seen, Arm], Seen], trigger: Trigger, leads: int, share: float
) -> None:
    seen = evidence(share)
    seen.add(changed(int(leads * 50 / share), change, share))
    [finding] = findings(seen, LIMITS)
    assert finding.trigger is trigger
    assert any(figure.isdigit() for figure in finding.sentence)


@pytest.mark.parametrize("share", [10, 50])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_of_two_models_that_are_alike(share: float, seed: int) -> None:
    seen = evidence(share)
    for number, output in enumerate(outputs(8000, share, seed=seed)):
        seen.add([output])
        if number % 400 == 0:
            assert findings(seen, LIMITS) == []


def test_harm_that_begins_late_is_found_in_the_latest_windows() -> None:
    seen = evidence()
    for day in range(24):
        seen.add(outputs(2000, seed=day, first=3_600_000 * day))
    assert not findings(seen, LIMITS)
    late = [output._replace(at=output.at + 24 * 3_600_000) for output in changed(1200, fails)]
    seen.add(late)
    canary = seen.total.canary
    assert canary.failed / canary.leads < LIMITS.errors
    assert [finding.trigger for finding in findings(seen, LIMITS)] == [Trigger.ERRORS]


def test_evidence_that_is_begun_often_must_be_stronger_each_time() -> None:
    one = Limits(confidence=0.99)
    errors = [exp(-one.evidence(count)) for count in range(1, 10_000)]
    assert sum(errors) < 0.01
    assert exp(-one.evidence()) == pytest.approx(0.01)
    seen = evidence()
    assert seen.windows == 1
    seen.add(outputs(100, first=3_600_000))
    assert seen.windows == 61


def test_a_worker_without_the_canary_breaks_the_split() -> None:
    seen = evidence(10)
    seen.add(output._replace(mark=None) for output in outputs(850, 10))
    [finding] = findings(seen, LIMITS)
    assert finding.trigger is Trigger.SPLIT
    assert "0 of 400 leads" in finding.sentence


def test_a_worker_that_is_late_with_a_step_breaks_nothing() -> None:
    """It was restarted: it scores on with the share before until the change is committed."""
    seen = evidence(50)
    seen.add(outputs(2000, 10))
    assert not findings(seen, LIMITS)
    assert seen.split.leads == 0


def test_leads_before_all_workers_can_have_the_canary_break_nothing() -> None:
    seen = evidence(10)
    seen.add(output._replace(mark=None) for output in outputs(400, 10, first=0))
    assert not findings(seen, LIMITS)


def test_many_events_of_one_lead_break_no_split() -> None:
    seen = evidence(10)
    first = next(iter(outputs(1, 10)))
    seen.add([first] * 5000)
    assert seen.split.leads == 1
    assert not findings(seen, LIMITS)


def test_a_loss_of_conversions_is_found_if_it_is_large_and_sure() -> None:
    seen = evidence()
    given = list(outputs(20_000))
    seen.add(given)
    for output in given:
        assert output.mark is not None
        assert output.lead_id is not None
        kept = 8 if output.mark.arm is Arm.CANARY else 10
        if int(output.lead_id.split(b"-")[1]) % 100 < kept:
            seen.convert([output.lead_id] * 2)
    seen.convert([b"a lead that nobody has scored"])
    assert sum(seen.split.converted.values()) < 2_000, "each lead counts once"
    [finding] = findings(seen, LIMITS)
    assert finding.trigger is Trigger.BUSINESS


def test_the_power_of_the_business_figure_is_known() -> None:
    """At 10 % of the leads and a tenth of them converting: more than 100,000 leads."""
    assert conversions_to_find(0.1, LIMITS) * 10 > 100_000
    assert conversions_to_find(0.5, LIMITS) < conversions_to_find(0.1, LIMITS) / 2
