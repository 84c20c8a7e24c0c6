"""The stores of the role outcomes that hold some leads, on the machine of the command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stream.outcomes.stored_leads import stores_with
from stream.settings import Settings

__all__ = ["StoredLead", "find_stored"]


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead in a store.

    Attributes
    ----------
    lead
        The lead's index among those that were given.
    folder
        The store.
    """

    lead: int
    folder: Path


def find_stored(settings: Settings, ids: Sequence[str]) -> list[StoredLead]:
    """Return the stores that hold one of the leads; none where no folder of stores is set.

    Raises
    ------
    StartupError
        rocksdict is not installed.
    FatalError
        A store can't be read.
    """
    if settings.outcome_store is None:
        return []
    places = {lead_id.encode(): index for index, lead_id in enumerate(ids)}
    found = stores_with(settings.outcome_store, [*places])
    return [StoredLead(places[key], folder) for folder, held in found for key in held]
