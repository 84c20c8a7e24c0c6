"""Outcomes of the leads of a file: a CRM's own, from a column, each some time after its lead."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from features.table import Table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.lead_outcome import encode_outcome
from schemas.wire import WireFormat
from stream.simulator.playing import Event, Lead, Pace

__all__ = ["OUTCOME", "Delayed", "OutcomeMaker", "outcomes_of"]

OUTCOME = "outcome"
"""The field of an outcome; also the kind of its event."""
SUCCESS, FAILURE = "converted", "lost"
"""Outcomes that are final by default: LEADSCORE_OUTCOME_POSITIVE, LEADSCORE_OUTCOME_NEGATIVE."""
SHOWN = 5
"""Values that an error names."""


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Delayed:
    """The schedule of leads, some seconds later.

    Parameters
    ----------
    pace
        That of the leads: the same object, as it may remember the first lead.
    seconds
        The delay.
    places
        The index of each outcome's lead: some leads have no outcome.
    """

    pace: Pace
    seconds: float
    places: Sequence[int]

    def due(self, index: int, lead: Lead) -> float:
        """Return when an outcome is due, in seconds after the start."""
        return self.pace.due(self.places[index], lead) + self.seconds


@dataclass(frozen=True, slots=True)
class OutcomeMaker:
    """Creates the event of an outcome.

    Parameters
    ----------
    wire
        The format of the values.
    after_ms
        From a lead's creation to its outcome.
    created_now
        Whether leads are created when they are sent: their outcomes occur when they are sent, too.
    now
        The time of sending, in milliseconds since 1970 UTC.
    """

    wire: WireFormat
    after_ms: int
    created_now: bool = False
    now: Callable[[], int] = _wall_clock

    def __call__(self, outcome: Lead) -> Event:
        """Return the event of an outcome that is due now."""
        created_at = None if self.created_now else outcome.created_at
        occurred_at = self.now() if created_at is None else created_at + self.after_ms
        record = {"lead_id": outcome.lead_id, "occurred_at": occurred_at, **outcome.fields}
        return Event(outcome.lead_id.encode(), encode_outcome(record, self.wire), [], OUTCOME)


def outcomes_of(table: Table, leads: Sequence[Lead], column: str, value: str) -> list[Lead | None]:
    """Return the outcome of each lead of a table; None where the cell is empty.

    Parameters
    ----------
    table, leads
        The rows, and their leads.
    column
        Column of the outcomes, by field name.
    value
        The value that is a success; any other is a failure. Case and space around it do not count.

    Raises
    ------
    InputError
        No lead has the value.
    """
    cells = table.columns_for({column: FieldKind.CATEGORY})[column]
    levels = [None if cell is None else str(cell).strip().casefold() for cell in cells]
    wanted = value.strip().casefold()
    if wanted not in levels:
        found = sorted({level for level in levels if level is not None})
        more = ", …" if len(found) > SHOWN else ""
        raise InputError(
            f"--outcomes: expected leads with {column} = {value}, there are"
            f" {', '.join(found[:SHOWN]) or 'no values'}{more}"
        )
    return [
        None
        if level is None
        else Lead(
            lead.lead_id,
            lead.created_at,
            {OUTCOME: SUCCESS if level == wanted else FAILURE},
        )
        for lead, level in zip(leads, levels, strict=True)
    ]
