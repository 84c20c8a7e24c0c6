"""Interface of a schema registry, as far as LeadScore uses one."""

from __future__ import annotations

from typing import Protocol

from schemas.errors import LeadScoreError
from schemas.registered import RegisteredText

__all__ = ["IncompatibleError", "NotRegisteredError", "RegistryUnavailableError", "SchemaRegistry"]


class NotRegisteredError(LeadScoreError):
    """The registry answered: it has no such id, subject or schema."""


class IncompatibleError(LeadScoreError):
    """The registry refuses a schema, as it breaks the compatibility level of its subject."""


class RegistryUnavailableError(LeadScoreError):
    """The registry did not answer, or refused to: another attempt may succeed."""

    status: int | None = None
    """The HTTP status; None if there was no answer."""


class SchemaRegistry(Protocol):
    """A schema registry.

    Every method raises ``RegistryUnavailableError`` if there is no answer, or none of use: the
    registry is unavailable, busy, or refuses the credentials.
    """

    async def text_of(self, header: bytes) -> RegisteredText:
        """Return the schema of an id, and the schemas that it refers to.

        Parameters
        ----------
        header
            The id or GUID, as values begin with it.

        Raises
        ------
        NotRegisteredError
            There is no such id, or no schema that it refers to.
        """

    async def id_of(self, subject: str, schema: str) -> int | None:
        """Return the id of a schema under a subject; None if it is not registered there."""

    async def kind_of(self, subject: str) -> str | None:
        """Return AVRO, JSON or PROTOBUF: the latest schema of a subject; None if it has none."""

    async def level(self, subject: str) -> str:
        """Return the compatibility level that holds for a subject, in capitals."""

    async def set_level(self, subject: str, level: str) -> None:
        """Set the compatibility level of a subject."""

    async def is_compatible(self, subject: str, schema: str) -> bool:
        """Return whether a schema fits the versions of a subject, by the level that holds."""

    async def register(self, subject: str, schema: str) -> int:
        """Register a schema under a subject, and return its id.

        Raises
        ------
        IncompatibleError
            The registry refuses it.
        """

    async def close(self) -> None:
        """Close the connections."""
