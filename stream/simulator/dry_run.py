"""Dry run of `leadscore produce`: its events are made and counted, and no broker is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from schemas.errors import ErrorCode
from stream.simulator.playing import Event, Lead

__all__ = ["Rehearsal", "rehearse"]


@dataclass(slots=True)
class Rehearsal:
    """Events that a run would send."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Number of events by kind: ``lead``, or the name of the defect."""
    codes: dict[str, ErrorCode] = field(default_factory=dict)
    """Expected error code of each defect."""
    bytes: int = 0
    """Bytes of keys, values and headers."""


def rehearse(leads: Iterable[Lead], as_event: Callable[[Lead], Event]) -> Rehearsal:
    """Make the events of all leads and count them.

    Parameters
    ----------
    leads
        The leads; not endless.
    as_event
        Creates the event of a lead.

    Raises
    ------
    InputError
        A lead can't be encoded.
    """
    found = Rehearsal()
    for lead in leads:
        event = as_event(lead)
        found.kinds[event.kind] += 1
        if event.code is not None:
            found.codes[event.kind] = event.code
        found.bytes += len(event.key) + len(event.value or b"")
        found.bytes += sum(len(name) + len(value) for name, value in event.headers)
    return found
