"""Settings: the outcomes of leads."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from stream.settings.base import PREFIX, Seconds, SettingsGroup, split, split_words

__all__ = ["OutcomeSettings"]

SEGMENT_FIELD = r"[^:,\s][^:,]*(:-?\d+(\.\d+)?)*"
MOST_SEGMENT_FIELDS = 5


def _check_segment_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return fields with ascending bounds, each named once."""
    fields = tuple(field.strip() for field in fields)
    for field in fields:
        is_field = re.fullmatch(SEGMENT_FIELD, field) is not None
        bounds = [float(bound) for bound in field.split(":")[1:]] if is_field else []
        if not is_field or bounds != sorted(set(bounds)):
            raise ValueError(
                "expected names of fields, of a number with its bounds in ascending order:"
                " country,age:30:45"
            )
    names = [field.partition(":")[0].strip() for field in fields]
    if len(set(names)) < len(names) or len(names) > MOST_SEGMENT_FIELDS:
        raise ValueError(f"expected at most {MOST_SEGMENT_FIELDS} fields, each of them once")
    return fields


SegmentFields = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_check_segment_fields)
]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_words), Field(min_length=1)]


class OutcomeSettings(SettingsGroup):
    """Outcomes: which count as a success, and until when."""

    outcome_positive: Words = ("converted", "won")
    """Outcomes that are a success, separated by commas; case is ignored."""

    outcome_negative: Words = ("lost", "disqualified", "unqualified", "not_converted")
    """Outcomes that are a failure. Any outcome in neither list, such as `engaged`, is a step on the
    way and decides nothing."""

    outcome_horizon_days: Annotated[float, Field(gt=0, le=3660)] = 60.0
    """Horizon of a score: the days after it in which an outcome counts for it. A score counts once
    its horizon has passed; without a final outcome by then, it counts as a failure."""

    outcome_late_days: Annotated[float, Field(gt=0, le=366)] = 14.0
    """Days after the horizon in which an outcome that occurred within it may still arrive."""

    outcome_time: Literal["scored_at", "created_at"] = "scored_at"
    """Start of a score's horizon: `scored_at`; or `created_at`, for past leads that are sent
    through Kafka now, since their outcomes occurred before they were scored."""

    outcome_segments: SegmentFields = ()
    """Fields by whose values the quality of scores is compared, separated by commas, at most five.
    A number needs the bounds of its ranges, as in `country,age:30:45:60`. Workers write the segment
    of each lead into a header of its scored event."""

    outcome_store: Path | None = None
    """Folder of the local stores of the role `outcomes`, one for each partition. It is a cache of
    the topics: a worker without it reads them again."""

    outcome_report_seconds: Seconds = 10.0
    """Interval of reports on the quality of scores."""

    outcome_report_weeks: Annotated[int, Field(ge=4, le=5200)] = 104
    """Number of weeks for which reports are kept, counted back from the newest score; older ones
    are removed from the topic of reports. Must be longer than the horizon and twice
    `LEADSCORE_OUTCOME_LATE_DAYS`."""

    @model_validator(mode="after")
    def _check_outcomes(self) -> Self:
        both = sorted(set(self.outcome_positive) & set(self.outcome_negative))
        if both:
            raise ValueError(
                f"{PREFIX}OUTCOME_POSITIVE and {PREFIX}OUTCOME_NEGATIVE both name"
                f" {', '.join(both)}: an outcome is a success, a failure, or in neither list"
            )
        needed = (self.outcome_horizon_days + 2 * self.outcome_late_days) / 7 + 1
        if self.outcome_report_weeks < needed:
            raise ValueError(
                f"{PREFIX}OUTCOME_REPORT_WEEKS is {self.outcome_report_weeks}, expected at least"
                f" {math.ceil(needed)}: until the horizon and twice {PREFIX}OUTCOME_LATE_DAYS have"
                " passed, outcomes change the counts of a week"
            )
        return self
