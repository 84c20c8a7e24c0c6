"""Settings: timers of leads that are to be contacted soon."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from stream.settings.base import SettingsGroup, split_words

__all__ = ["TimerSettings"]

Minutes = Annotated[float, Field(gt=0, le=44_640)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_words), Field(min_length=1)]


class TimerSettings(SettingsGroup):
    """Timers: leads that nobody has contacted in time, in the role `outcomes`."""

    hot_minutes: Minutes | None = None
    """Minutes in a band of `LEADSCORE_HOT_BANDS` after which a lead without an outcome of any kind
    is overdue and gets an event in `LEADSCORE_LEADS_OVERDUE`; default: no timer."""

    speed_to_lead_minutes: Minutes | None = None
    """Minutes after its creation at which a lead in such a band without an outcome of any kind is
    overdue and gets an event; default: no timer."""

    hot_bands: Words = ("high",)
    """Bands whose leads have timers, separated by commas; case is ignored."""

    overdue_late_hours: Annotated[float, Field(gt=0, le=8784)] = 24.0
    """Maximum age of an overdue event in hours: a worker that was down for longer does not write
    it."""

    @property
    def has_timers(self) -> bool:
        """Whether a timer is set."""
        return self.hot_minutes is not None or self.speed_to_lead_minutes is not None
