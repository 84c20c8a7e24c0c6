"""Settings: drift."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from stream.settings.base import LONGEST, Count, Seconds, SettingsGroup, split

__all__ = ["DriftSettings"]


class DriftSettings(SettingsGroup):
    """Drift: windows of event time, and what is reported when."""

    drift: bool = True
    """Whether scored leads are counted for drift."""

    drift_window_seconds: Annotated[float, Field(ge=1, le=LONGEST, allow_inf_nan=False)] = 300.0
    """Length of a window of event time; must be the same for all workers."""

    drift_horizons: Annotated[tuple[Count, ...], NoDecode, BeforeValidator(split)] = (1, 12, 288)
    """Spans over which drift is measured, as numbers of windows: by default 5 minutes, an hour and
    a day."""

    drift_min_leads: Annotated[int, Field(ge=50, le=1_000_000)] = 100
    """Minimum number of leads for a horizon of a day or longer to be assessed; a shorter one needs
    1,000. Below 1,000 leads, drift must be significant in a permutation test, and only large drift
    is found."""

    drift_stretch: Annotated[int, Field(ge=1, le=1000)] = 32
    """Maximum length of the horizon `longer`, as a multiple of the longest horizon. This horizon
    exists while the longest one holds fewer than 1,000 leads. 1: never."""

    drift_lateness_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 60.0
    """Time by which event time must pass the end of a window before the window closes; leads that
    arrive later do not count in it."""

    drift_idle_seconds: Seconds = 120.0
    """Time without a lead after which a partition is idle and no longer keeps windows open."""

    drift_open_windows: Count = 8192
    """Maximum number of open windows of the drift worker, counted per partition, about 6 kB each;
    beyond it the oldest are reported early. This bounds its memory."""

    drift_season_seconds: Annotated[float, Field(ge=0, le=LONGEST, allow_inf_nan=False)] = 86_400.0
    """Period of the leads' seasonality, which is not drift: a day, or a week; 0: none."""

    drift_page_hinkley: bool = False
    """Whether the Page-Hinkley test, in addition to ADWIN, watches the score and every number."""

    @property
    def drift_window_ms(self) -> int:
        """Length of a window of event time, in milliseconds."""
        return round(self.drift_window_seconds * 1000)

    @property
    def drift_season_ms(self) -> int:
        """Length of a season, in milliseconds."""
        return round(self.drift_season_seconds * 1000)
