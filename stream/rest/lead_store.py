"""The store in which leads are looked up by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

__all__ = ["LeadStore", "StoreUnavailableError", "StoredLead"]


class StoreUnavailableError(Exception):
    """The store does not answer, or refuses.

    The message is a sentence with the reason, and has no id.
    """


class StoredLead(NamedTuple):
    """A lead of the store."""

    fields: Mapping[str, Any]
    """Its latest fields."""
    written_at: int
    """The time of its latest record in Kafka, milliseconds since 1970."""


class LeadStore(Protocol):
    """Leads by id."""

    async def find(self, ids: Sequence[str]) -> Mapping[str, StoredLead]:
        """Return the leads that are there, by id.

        Raises
        ------
        StoreUnavailableError
            The store does not answer, or refuses.
        """

    async def probe(self) -> None:
        """Probe the store: read nothing.

        Raises
        ------
        StoreUnavailableError
            It does not answer, or refuses.
        """

    async def close(self) -> None:
        """Close the connections."""
