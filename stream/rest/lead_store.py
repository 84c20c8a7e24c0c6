"""The store in which leads are looked up by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

__all__ = ["LeadStore"]


class LeadStore(Protocol):
    """Leads by id."""

    async def find(self, ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the latest fields of the leads that are there, by id.

        Raises
        ------
        UnavailableError
            The store does not answer.
        """

    async def close(self) -> None:
        """Close the connections."""
