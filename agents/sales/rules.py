"""Rules of sales operations, as a file declares them; docs/sales.md explains the file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import StartupError

__all__ = ["AccountRule", "Condition", "Decay", "Points", "Rules", "read_rules"]

Number = Annotated[float, Field(allow_inf_nan=False)]
FieldName = Annotated[str, Field(min_length=1)]
FREE_MAIL = (
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com"),
    *("icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net", "web.de", "proton.me", "mail.ru"),
)
"""Domains of mail that many accounts share; a file can name others."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Decay(_Part):
    """Loss of half of the points with each half-life since a time.

    Attributes
    ----------
    since
        Field with the time: milliseconds since 1970, or ISO 8601.
    half_life_days
        Days.
    """

    since: FieldName
    half_life_days: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Condition(_Part):
    """Points for a field whose value meets every condition that is set.

    Attributes
    ----------
    field
        Name of the lead's field.
    points
        Points; negative ones count against the lead.
    at_least, at_most
        Bounds of a number, included.
    one_of
        Values; texts are compared without case.
    is_known
        Whether the field has a value.
    decay
        How the points grow old; None: they do not.
    """

    field: FieldName
    points: Number
    at_least: Number | None = None
    at_most: Number | None = None
    one_of: tuple[bool | float | str, ...] | None = None
    is_known: bool | None = None
    decay: Decay | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if (self.at_least, self.at_most, self.one_of, self.is_known) == (None, None, None, None):
            raise ValueError("expected at_least, at_most, one_of or is_known")
        return self


def _descending(least: tuple[float, ...]) -> tuple[float, ...]:
    if any(lower >= higher for higher, lower in pairwise(least)):
        raise ValueError("expected three numbers, each lower than the one before")
    return least


class Points(_Part):
    """Points that add up, and the points that each of the upper three levels needs.

    Attributes
    ----------
    least
        Points for the first, second and third level: A, B, C or 1, 2, 3.
    points
        What is added up.
    """

    least: Annotated[tuple[Number, Number, Number], AfterValidator(_descending)]
    points: Annotated[Sequence[Condition], Field(min_length=1)]


class AccountRule(_Part):
    """The account that a lead belongs to.

    Attributes
    ----------
    field
        Field with the account's id, or with a mail address or URL whose domain it is.
    by_domain
        Whether the domain is taken.
    ignore
        Domains that are no account's.
    half_life_days
        Days after which a lead counts half for its account, by the time of its last record; None:
        leads do not decay.
    """

    field: FieldName
    by_domain: bool = False
    ignore: frozenset[str] = frozenset(FREE_MAIL)
    half_life_days: Annotated[float, Field(ge=1e-6, le=1e6)] | None = None


class Rules(_Part):
    """The rules of a file; each part is an option.

    Attributes
    ----------
    fit
        From A to D: what the lead is.
    engagement
        From 1 to 4: what the lead does.
    account
        The account that leads are rolled up by.
    """

    fit: Points | None = None
    engagement: Points | None = None
    account: AccountRule | None = None

    @model_validator(mode="after")
    def _has_a_part(self) -> Self:
        if self == Rules.model_construct():
            raise ValueError("expected [fit], [engagement] or [account]")
        return self


def read_rules(path: Path) -> Rules:
    """Read a file of rules.

    Raises
    ------
    StartupError
        It can't be read, or a rule is not valid.
    """
    try:
        declared = tomllib.loads(path.read_text())
    except OSError as error:
        raise StartupError(f"expected rules of sales in {path}: {error.strerror}") from None
    except ValueError as error:
        raise StartupError(f"expected TOML in {path}: {error} (docs/sales.md)") from None
    try:
        return Rules.model_validate(declared)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise StartupError(
            f"expected valid rules in {path}, but {where}: {first['msg']} (docs/sales.md)"
        ) from None
