"""When plain leads mature and are dropped, by column; ``schedule`` does the same for any lead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.lead_state import JoinOptions
from agents.outcomes.plain_leads import PlainLeads

__all__ = ["Handled", "due_times", "handled"]


class Handled(NamedTuple):
    """Plain leads that were due, by what was done with them.

    Attributes
    ----------
    matured
        Leads whose horizon passed.
    dropped, dropped_at
        Leads that are not kept any more; and when each was dropped: int64, milliseconds since 1970.
    kept
        All other leads, those that are matured marked so.
    """

    matured: PlainLeads
    dropped: PlainLeads
    dropped_at: NDArray[np.int64]
    kept: PlainLeads


def due_times(leads: PlainLeads, options: JoinOptions) -> NDArray[np.int64]:
    """Return when something is to be done with each lead; see ``due_at``."""
    return leads.at + np.where(leads.are_matured, options.kept_ms, options.horizon_ms)


def handled(leads: PlainLeads, last: tuple[int, bytes], options: JoinOptions) -> Handled:
    """Do what is due with plain leads.

    Parameters
    ----------
    leads
        The leads.
    last
        Time and lead up to which everything is done, in the order of times, then of leads.
    options
        When scores mature, and are dropped.
    """
    matured = ~leads.are_matured & _are_reached(leads, leads.at + options.horizon_ms, last)
    drop_at = leads.at + options.kept_ms  # not before the horizon
    dropped = _are_reached(leads, drop_at, last)
    return Handled(
        matured=leads.take(matured),
        dropped=leads.take(dropped),
        dropped_at=drop_at[dropped],
        kept=leads.marked(matured).take(~dropped),
    )


def _are_reached(
    leads: PlainLeads, times: NDArray[np.int64], last: tuple[int, bytes]
) -> NDArray[np.bool_]:
    until, last_id = last
    found = times < until
    for row in np.flatnonzero(times == until).tolist():
        found[row] = leads.lead_ids[row] <= last_id
    return found
