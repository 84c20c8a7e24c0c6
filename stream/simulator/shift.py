"""Shifts of named fields: drift on purpose, at once or gradually."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.errors import InputError
from schemas.fields import FieldKind
from stream.simulator.lead_fields import LeadField
from stream.simulator.playing import Lead

__all__ = ["AT_ONCE", "Shift", "Span", "parse_shift", "shifted"]

ARITHMETIC = re.compile(r"([+*-])\s*((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.IGNORECASE)
INTEGERS = frozenset({"int", "long"})


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a run over which a shift is phased in, as shares of the run.

    The shift begins at ``start`` and is complete from ``start + length`` on.
    """

    start: float = 0.0
    length: float = 0.0

    def strength(self, index: int, total: int | None) -> float:
        """Return the strength of the shift for lead ``index`` (from 0) of ``total``, 0 to 1.

        An endless run (``total`` is None) can only have a complete shift from the start.
        """
        if total is None:
            return 1.0
        done = index / total - self.start
        if done < 0:
            return 0.0
        return min(1.0, done / self.length) if self.length else 1.0


AT_ONCE = Span()
"""Complete from the first lead on."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Shift of one field.

    ``add`` and ``multiply`` scale with the strength of the shift; ``set`` replaces the value in a
    share of the leads that equals the strength.
    """

    field: LeadField
    change: Literal["add", "multiply", "set"]
    operand: float | str | bool | None

    def apply(self, value: object, strength: float, rng: random.Random) -> object:
        """Return the field's value after the shift; a missing number stays missing."""
        if self.change == "set":
            return self.operand if rng.random() < strength else value
        assert isinstance(self.operand, float)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return value
        if self.change == "add":
            moved = value + self.operand * strength
        else:
            moved = value * (1 + (self.operand - 1) * strength)
        return _fitting(moved, self.field)


def parse_shift(text: str, fields: Sequence[LeadField]) -> Shift:
    """Parse ``FIELD=CHANGE`` of the command line.

    Parameters
    ----------
    text
        ``age=+10``, ``age=-3``, ``age=*1.5`` move a number; ``age=40``, ``referral_source=ads`` set
        a value; ``age=`` makes it missing.
    fields
        The fields of the contract.

    Raises
    ------
    InputError
        The text has another form, the contract has no such field, or the change does not fit the
        field's type.
    """
    name, equals, change = text.partition("=")
    name, change = name.strip(), change.strip()
    if not equals:
        raise InputError(
            f"--drift {text!r}: expected FIELD=CHANGE, such as age=+10, age=*1.5 or industry=retail"
        )
    field = next((field for field in fields if field.name == name), None)
    if field is None:
        names = ", ".join(field.name for field in fields)
        raise InputError(f"--drift {text!r}: the contract has no field {name!r}; it has {names}")
    if not change:
        if not field.may_lack:
            raise InputError(f"--drift {text!r}: {name} must have a value in this contract")
        return Shift(field, "set", None)
    if field.kind is FieldKind.NUMBER:
        return _number_shift(text, field, change)
    return Shift(field, "set", _level(text, field, change))


def shifted(
    leads: Iterable[Lead],
    shifts: Sequence[Shift],
    span: Span,
    total: int | None,
    rng: random.Random,
) -> Iterator[Lead]:
    """Apply the shifts to a run of leads.

    Parameters
    ----------
    leads
        The leads of the run, in order.
    shifts
        The shifts.
    span
        When the shifts are phased in.
    total
        Number of leads of the run; None if endless.
    rng
        Random number generator; draws the leads that a gradual ``set`` applies to.
    """
    for index, lead in enumerate(leads):
        strength = span.strength(index, total)
        if strength == 0.0:
            yield lead
            continue
        changed = {
            shift.field.name: shift.apply(lead.fields.get(shift.field.name), strength, rng)
            for shift in shifts
        }
        yield lead._replace(fields={**lead.fields, **changed})


def _number_shift(text: str, field: LeadField, change: str) -> Shift:
    arithmetic = ARITHMETIC.fullmatch(change)
    if arithmetic is not None:
        sign, operand = arithmetic.group(1), float(arithmetic.group(2))
        if sign == "*":
            return Shift(field, "multiply", operand)
        return Shift(field, "add", operand if sign == "+" else -operand)
    try:
        number = float(change)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(
            f"--drift {text!r}: {field.name} is a number; expected a change such as +10, -10, *1.5 "
            f"or a value such as 40"
        )
    return Shift(field, "set", _fitting(number, field))


def _level(text: str, field: LeadField, change: str) -> str | bool:
    if field.avro_type == "boolean":
        if change.lower() not in {"true", "false"}:
            raise InputError(f"--drift {text!r}: {field.name} is true or false")
        return change.lower() == "true"
    if field.avro_type == "enum" and change not in field.symbols:
        levels = ", ".join(sorted(field.symbols))
        raise InputError(f"--drift {text!r}: {field.name} is one of {levels}")
    if field.kind is not FieldKind.CATEGORY:
        raise InputError(
            f"--drift {text!r}: {field.name} is of type {field.avro_type}, which can't be shifted"
        )
    return change


def _fitting(number: float, field: LeadField) -> float:
    return round(number) if field.avro_type in INTEGERS else number
