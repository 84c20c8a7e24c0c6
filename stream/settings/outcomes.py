"""Settings: the outcomes of leads."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from stream.settings.base import PREFIX, SettingsGroup, split_words

__all__ = ["OutcomeSettings"]

Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_words), Field(min_length=1)]


class OutcomeSettings(SettingsGroup):
    """Outcomes: which count as a success, and until when."""

    outcome_positive: Words = ("converted", "won")
    """Outcomes that are a success, separated by commas; case is ignored."""

    outcome_negative: Words = ("lost", "disqualified", "unqualified", "not_converted")
    """Outcomes that are a failure. Any outcome in neither list, such as `engaged`, is a step on the
    way: it decides nothing."""

    outcome_horizon_days: Annotated[float, Field(gt=0, le=3660)] = 60.0
    """Days after a score in which an outcome counts for it. A score counts when they have passed;
    without a final outcome by then, as a failure."""

    outcome_late_days: Annotated[float, Field(gt=0, le=366)] = 14.0
    """Days after the horizon in which an outcome that occurred within it may still arrive."""

    @model_validator(mode="after")
    def _check_outcomes(self) -> Self:
        both = sorted(set(self.outcome_positive) & set(self.outcome_negative))
        if both:
            raise ValueError(
                f"{PREFIX}OUTCOME_POSITIVE and {PREFIX}OUTCOME_NEGATIVE both name"
                f" {', '.join(both)}: an outcome is a success, a failure, or in neither list"
            )
        return self
