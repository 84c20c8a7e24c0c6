"""Changes of a join that are one write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.cohorts import CohortRow
from agents.outcomes.lead_state import LeadState
from agents.outcomes.plain_leads import Cell, PlainLeads
from agents.outcomes.stored_timers import TimerWrites

__all__ = ["Change", "Rows"]

Rows = list[tuple[Cell, CohortRow]]
"""Rows by which a lead is counted, each with its cohort."""


@dataclass(slots=True)
class Change:
    """Changes of one write.

    Attributes
    ----------
    states
        Leads that are no plain ones.
    before
        Rows by which these leads were counted before.
    stored
        Those of these leads that the store has, and when something was due with them.
    final
        Times, leads, and the rows of a score that is not kept any more. The first row is that of
        all leads, those of segments follow.
    counted
        Plain leads that are added (1) or removed (-1), and whether their outcome is known.
    dropped
        Plain leads that are not kept any more, and when they were dropped.
    puts, deletes
        Entries and keys that are written and deleted besides.
    """

    states: dict[bytes, LeadState]
    before: Mapping[bytes, Rows]
    stored: Mapping[bytes, int]
    final: list[tuple[int, bytes, Rows]] = field(default_factory=list)
    counted: list[tuple[PlainLeads, bool, int]] = field(default_factory=list)
    dropped: list[tuple[PlainLeads, NDArray[np.int64]]] = field(default_factory=list)
    puts: dict[bytes, bytes] = field(default_factory=dict)
    deletes: list[bytes] = field(default_factory=list)

    def include(self, writes: TimerWrites) -> None:
        """Write what timers change, too."""
        self.puts |= writes.puts
        self.deletes += writes.deletes
