"""Plans of rollouts: what they refuse, and how they continue."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from model.rollout_plan import RolloutPlan, read_steps

STEPS = [{"share": 10, "seconds": 86_400}, {"share": 50, "seconds": 172_800}]


def plan(**given: Any) -> RolloutPlan:
    return RolloutPlan.model_validate({"salt": "5ba2", "steps": STEPS, **given})


def test_a_plan_continues_to_its_last_step() -> None:
    first = plan()
    assert (first.share, first.seconds, first.is_last) == (10, 86_400, False)
    last = first.following()
    assert (last.share, last.seconds, last.is_last) == (50, 172_800, True)
    assert last.summary == first.summary == "10 % for 1 day, 50 % for 2 days, 100 %"
    with pytest.raises(ValidationError, match="expected a step below 2"):
        last.following()


@pytest.mark.parametrize(
    "given",
    [
        {"steps": []},
        {"steps": STEPS[::-1]},
        {"steps": [STEPS[0], STEPS[0]]},
        {"steps": [{"share": 100, "seconds": 1}]},
        {"steps": [{"share": 0, "seconds": 1}]},
        {"steps": [{"share": 10, "seconds": 0}]},
        {"salt": ""},
        {"salt": "a;b"},
        {"salt": "a" * 33},
        {"step": 2},
        {"step": -1},
        {"other": 1},
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plan(**given)


@pytest.mark.parametrize(
    "text", ["", "10", "10@", "10@1", "@1d", "10@1d,", "50@1d,10@1d", "100@1d", "0@1d", "1.2.3@1d"]
)
def test_steps_in_another_form_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 10@1d,50@2d"):
        read_steps(text)


def test_steps_may_have_spaces_and_fractions() -> None:
    assert [(step.share, step.seconds) for step in read_steps(" 0.5 % @ 1.5h , 50@30m")] == [
        (0.5, 5400.0),
        (50.0, 1800.0),
    ]
