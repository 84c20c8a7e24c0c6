"""The store in which leads are looked up by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["LeadStore", "StoreAwayError"]


class StoreAwayError(Exception):
    """The store does not answer, or refuses.

    The message is a sentence with the reason, and has no id.
    """


class LeadStore(Protocol):
    """Leads by id."""

    async def find(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the latest fields of the leads that are there, by id.

        Raises
        ------
        StoreAwayError
            The store does not answer, or refuses.
        """

    async def probe(self) -> None:
        """Ask the store for nothing.

        Raises
        ------
        StoreAwayError
            It does not answer, or refuses.
        """

    async def close(self) -> None:
        """Close the connections."""
