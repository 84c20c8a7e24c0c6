"""The plan of a canary's rollout: which share of the leads it scores, and for how long."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["MOST_STEPS", "RolloutPlan", "RolloutStep", "read_steps"]

STEP = re.compile(r"\s*([\d.]+)\s*%?\s*@\s*([\d.]+)\s*([smhd])\s*")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

MOST_STEPS = 20


class RolloutStep(BaseModel):
    """A step of a rollout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(gt=0, lt=100)
    """Percentage of the leads that the canary scores."""
    seconds: float = Field(gt=0, le=366 * 86_400)
    """Time for which the step lasts at least."""


class RolloutPlan(BaseModel):
    """The steps of a rollout, and which of them is under way.

    After the last step the canary goes into production.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str = Field(pattern=r"^[A-Za-z0-9]{1,32}$")
    """Chooses the leads: those of a smaller share are among those of a larger one."""
    steps: Annotated[tuple[RolloutStep, ...], Field(min_length=1, max_length=MOST_STEPS)]
    step: int = Field(default=0, ge=0)
    """The index of the step that is under way."""

    @property
    def share(self) -> float:
        """Percentage of the leads that the canary scores now."""
        return self.steps[self.step].share

    @property
    def seconds(self) -> float:
        """Time for which the present step lasts at least."""
        return self.steps[self.step].seconds

    @property
    def is_last(self) -> bool:
        """Whether the canary goes into production after the present step."""
        return self.step == len(self.steps) - 1

    @property
    def summary(self) -> str:
        """The steps, in words.

        Examples
        --------
        >>> steps = [{"share": 10, "seconds": 86400}, {"share": 50, "seconds": 90}]
        >>> RolloutPlan(salt="a1", steps=steps).summary
        '10 % for 1 day, 50 % for 90 s, 100 %'
        """
        return ", ".join(
            [*(f"{step.share:g} % for {_lasting(step.seconds)}" for step in self.steps), "100 %"]
        )

    def following(self) -> Self:
        """Return the plan with its next step under way."""
        return type(self)(salt=self.salt, steps=self.steps, step=self.step + 1)

    @model_validator(mode="after")
    def _verify(self) -> Self:
        if self.step >= len(self.steps):
            raise ValueError(f"expected a step below {len(self.steps)}, not {self.step}")
        if any(later.share <= earlier.share for earlier, later in pairwise(self.steps)):
            raise ValueError("expected each step to have a larger share than the one before")
        return self


def read_steps(text: str) -> tuple[RolloutStep, ...]:
    """Read the steps of a rollout.

    Parameters
    ----------
    text
        Share and time of each step, such as ``10@1d,50@2d``; the units are s, m, h and d.

    Raises
    ------
    ValueError
        It is not that, or the shares do not grow.

    Examples
    --------
    >>> [(step.share, step.seconds) for step in read_steps("10@1d,50@90s")]
    [(10.0, 86400.0), (50.0, 90.0)]
    """
    found = [STEP.fullmatch(part) for part in text.split(",")]
    try:
        steps = tuple(
            RolloutStep(share=float(step[1]), seconds=float(step[2]) * UNITS[step[3]])
            for step in found
            if step is not None
        )
        if len(steps) == len(found):
            return RolloutPlan(salt="a", steps=steps).steps
    except ValueError:
        pass
    raise ValueError(
        "expected shares in percent that grow, below 100, and the time of each, such as"
        f" 10@1d,50@2d; not {text!r}"
    )


def _lasting(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            number = seconds / length
            return f"{number:g} {unit}{'s' if number > 1 else ''}"
    return f"{seconds:g} s"
