"""A model whose leads are watched for drift: its closed windows, and the horizons over them."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.drift_reports import span_name
from agents.drift_windows import summed
from features.counts import CountLayout, LeadCounts
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import RollingDetectors
from monitoring.drift.field_drift import DriftState, DriftThresholds
from monitoring.drift.seasonality import Stream
from schemas.model_identity import ModelIdentity

__all__ = ["NEVER", "WatchOptions", "WatchedModel"]

NEVER = -(2**63)
"""Before every event time."""
ENOUGH_LEADS = DriftThresholds().exact_below
"""Leads in the longest horizon with which the horizon `longer` is not assessed."""
LONGER = "longer"
"""Name of the horizon that holds the latest 1,000 leads; other horizons are named by their length.
The length of this one varies, and alerts and `since` refer to the name."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How drift is watched.

    Attributes
    ----------
    horizons
        Spans that are assessed, in windows, ascending.
    lateness_ms
        How much later than the watermark a window closes.
    open_windows
        Windows, counted per partition, that may be open at once. Of more, the oldest close early.
    stretch
        How many times the longest horizon the horizon `longer` spans at most: the latest 1,000
        leads, assessed where the longest horizon holds fewer. 1: there is none.
    """

    horizons: tuple[int, ...] = (1, 12, 288)
    lateness_ms: int = 60_000
    open_windows: int = 8192
    stretch: int = 1


@dataclass(slots=True)
class WatchedModel:
    """The state of the watch of one model's leads.

    Attributes
    ----------
    identity, layout, assessor, detectors, confirmation
        The model, its bins, and what assesses its leads.
    windows
        Counts of the closed windows, topic-wide, by start.
    since
        By horizon and field: start of the first window in which the field left OK.
    alarmed
        By stream: its state as of the last alarm.
    confirmed
        By detector and stream: the end of the window that confirmed its last change.
    closed_through
        End of the last closed window.
    """

    identity: ModelIdentity
    layout: CountLayout
    assessor: Assessor
    detectors: RollingDetectors
    confirmation: ChangeConfirmation
    windows: dict[int, LeadCounts] = field(default_factory=dict)
    since: dict[tuple[str, int], int] = field(default_factory=dict)
    alarmed: dict[Stream, DriftState] = field(default_factory=dict)
    confirmed: dict[tuple[str, str], int] = field(default_factory=dict)
    closed_through: int = NEVER

    def add(self, start: int, end: int, counts: LeadCounts, options: WatchOptions) -> None:
        """Add a closed window; forget those that no horizon reaches any more."""
        self.windows[start] = counts
        self.closed_through = max(self.closed_through, end)
        begin = self._longer_begin(self.closed_through, end - start, options)
        longest = self.closed_through - max(options.horizons) * (end - start)
        self.windows = {at: of for at, of in self.windows.items() if at >= min(begin, longest)}

    def horizons(self, start: int, window_ms: int, options: WatchOptions) -> tuple[Assessment, ...]:
        """Assess the spans that end with the window that starts at `start`."""
        end = start + window_ms
        spans = [
            (span_name(length * window_ms), end - length * window_ms) for length in options.horizons
        ]
        begin = self._longer_begin(end, window_ms, options)
        if begin < min(at for _, at in spans):
            spans.append((LONGER, begin))
        return tuple(self._assess(name, begin, end) for name, begin in spans)

    def _assess(self, name: str, begin: int, end: int) -> Assessment:
        within = {at: counts for at, counts in self.windows.items() if begin <= at < end}
        return self.assessor.assess(
            summed(within.values(), self.layout.size),
            name=name,
            start=begin,
            end=end,
            first=min(within, default=begin),
        )

    def _longer_begin(self, end: int, window_ms: int, options: WatchOptions) -> int:
        """Return the start of the span that holds the 1,000 leads before `end`.

        It is no earlier than the options allow, and then the span holds fewer.
        """
        furthest = end - max(options.horizons) * options.stretch * window_ms
        leads, begin = 0, end
        for at in sorted((at for at in self.windows if furthest <= at < end), reverse=True):
            leads, begin = leads + self.windows[at].leads, at
            if leads >= ENOUGH_LEADS:
                break
        return begin
