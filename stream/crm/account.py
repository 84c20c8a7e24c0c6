"""The protocol of a CRM's account: properties of its records, read and written in batches."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.errors import LeadScoreError

__all__ = [
    "OK",
    "Change",
    "CrmAccount",
    "CrmUnavailableError",
    "Properties",
    "Result",
    "plain_code",
]

Properties = Mapping[str, Any]
"""Values by the CRM's names of properties."""

CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class CrmUnavailableError(LeadScoreError):
    """The CRM can't be used now: it does not answer, or a limit is reached.

    Parameters
    ----------
    message
        Why, without a value of a record or a token.
    after
        Seconds that the CRM asks to wait; None: it does not say.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, slots=True)
class Change:
    """New values of a record's properties.

    Attributes
    ----------
    id
        The record: value of the account's key property.
    properties
        The values; all other properties stay as they are.
    """

    id: str
    properties: Properties


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of a change.

    Attributes
    ----------
    code
        The CRM's error code if it was not written; empty if it was.
    may_pass
        Whether another attempt may succeed.
    after
        Seconds that the CRM asks to wait before it.
    """

    code: str = ""
    may_pass: bool = False
    after: float | None = None


OK = Result()


def plain_code(found: Any) -> str:
    """Return an error code of a CRM if it has the form of one, else ``unknown``.

    The messages of CRMs quote the values of records; a code does not.
    """
    code = str(found)
    return code if CODE.fullmatch(code) else "unknown"


class CrmAccount(Protocol):
    """The records of one kind (contacts, leads) in one account of a CRM."""

    @property
    def title(self) -> str:
        """Name of the CRM for people."""

    @property
    def most_records(self) -> int:
        """Largest number of records of a call."""

    async def verify(self, properties: Collection[str]) -> None:
        """Check that the CRM answers, and has the key and these properties.

        Raises
        ------
        CrmUnavailableError
            It can't be used now.
        FatalError
            It refuses the token, or a property is missing.
        """

    async def read(
        self, ids: Sequence[str], properties: Collection[str]
    ) -> Mapping[str, Properties]:
        """Return properties of records by id, without the records that the CRM does not have.

        Parameters
        ----------
        ids
            At most ``most_records``.
        properties
            Their names.

        Raises
        ------
        CrmUnavailableError, FatalError
            As ``verify``.
        """

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Write changes: each succeeds or fails alone.

        Parameters
        ----------
        changes
            At most ``most_records``, of different records.

        Returns
        -------
        sequence of Result
            One for each change, in their order.

        Raises
        ------
        CrmUnavailableError, FatalError
            As ``verify``.
        """

    async def close(self) -> None:
        """Close the connections."""
