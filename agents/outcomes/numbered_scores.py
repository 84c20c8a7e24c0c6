"""Scores with the numbers by which a store refers to models, bands and segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.arrivals import ScoredLeads
from agents.outcomes.lead_state import Score
from agents.outcomes.plain_leads import PlainLeads
from agents.outcomes.stored_cohorts import StoredCohorts

__all__ = ["NumberedScores"]


@dataclass(frozen=True, slots=True, eq=False)
class NumberedScores:
    """n scores of a channel.

    Attributes
    ----------
    channel
        Where they come from.
    leads
        The scores as they were read.
    models, bands
        uint16, shape (n,): numbers.
    segments
        Numbers of the segments of each.
    """

    channel: int
    leads: ScoredLeads
    models: NDArray[np.uint16]
    bands: NDArray[np.uint16]
    segments: Sequence[tuple[int, ...]]

    @classmethod
    def of(cls, channel: int, leads: ScoredLeads, names: StoredCohorts) -> Self:
        """Find the numbers, in the order of the scores; new names get new ones."""
        models = {model: names.number_of(model) for model in dict.fromkeys(leads.models)}
        bands = {band: names.number_of(band) for band in dict.fromkeys(leads.bands)}
        segments = {
            each: names.segment_numbers(channel, each) for each in dict.fromkeys(leads.segments)
        }
        return cls(
            channel,
            leads,
            np.array([models[model] for model in leads.models], np.uint16),
            np.array([bands[band] for band in leads.bands], np.uint16),
            [segments[each] for each in leads.segments],
        )

    @property
    def are_as_wide(self) -> NDArray[np.bool_]:
        """bool, shape (n,): whether a score has as many segments as the first one."""
        widths = np.array([len(each) for each in self.segments], np.intp)
        return widths == widths[:1] if len(widths) else np.zeros(0, np.bool_)

    def score(self, row: int) -> Score:
        """Return a score as the state of a lead has it."""
        given = self.leads[row]
        return Score(
            *(self.channel, given.at, given.offset, given.score),
            *(int(self.models[row]), int(self.bands[row])),
            segments=self.segments[row],
        )

    def plain(self, rows: NDArray[np.intp]) -> PlainLeads:
        """Return the leads of some scores that have as many segments, each with this score."""
        places = rows.tolist()
        return PlainLeads.of_scores(
            [self.leads.lead_ids[row] for row in places],
            self.channel,
            {
                "model": self.models[rows],
                "band": self.bands[rows],
                "at": self.leads.at[rows],
                "offset": self.leads.offsets[rows],
                "score": self.leads.scores[rows],
            },
            [self.segments[row] for row in places],
        )
