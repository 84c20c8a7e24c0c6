"""Leads read by the audit's own rules, after docs/guide.md and docs/errors.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tests.chaos.second_audit.avro_files import (
    HEADER,
    MARKER,
    AvroFiles,
    DatumError,
    UnknownSchemaError,
)

__all__ = ["Lead", "LeadReader", "Refusal"]

YEAR_10000 = 253_402_300_800_000
YEAR_1990, YEAR_2011, YEAR_2100 = 631_152_000_000, 1_293_840_000_000, 4_102_444_800_000
DAY = 86_400_000
"""Milliseconds since 1970; a day's."""


class Lead(NamedTuple):
    """A lead that can be scored: `fields` are those of the model, None or absent where missing."""

    lead_id: str
    created_at: int
    fields: Mapping[str, Any]


class Refusal(Exception):  # noqa: N818 - a verdict, not an error
    """A record that must be a dead letter; its only argument is the code."""

    @property
    def code(self) -> str:
        """One of docs/errors.md."""
        return str(self.args[0])


class LeadReader:
    """Reads values as a worker must.

    Parameters
    ----------
    avro
        The schemas that leads may be written with.
    max_bytes
        The largest value.
    """

    def __init__(self, avro: AvroFiles, max_bytes: int) -> None:
        self._avro = avro
        self._max_bytes = max_bytes

    def read(
        self, value: bytes | None, kinds: Mapping[str, str], came_at: int | None = None
    ) -> Lead:
        """Read a lead's id, time and the fields that a model reads.

        Parameters
        ----------
        value
            As it came.
        kinds
            The model's fields: each one's kind, by name.
        came_at
            The record's time stamp, in milliseconds since 1970; None: any time is plausible.

        Raises
        ------
        Refusal
            The value is not a lead that the model can score.
        """
        if value is not None and len(value) > self._max_bytes:
            raise Refusal("TOO_LARGE")
        record = self._record(value)
        lead_id, created_at = record.get("lead_id"), _created(record.get("created_at"))
        if not isinstance(lead_id, str) or not lead_id:
            raise Refusal("VALIDATION")
        if created_at is None or not 0 <= created_at < YEAR_10000:
            raise Refusal("VALIDATION")
        fields = {
            name: _value(given, kind)
            for name, kind in kinds.items()
            if (given := record.get(name)) is not None
        }
        if kinds.get("created_at") == "date":
            fields["created_at"] = float(created_at)
        for value_of in fields.values():
            if isinstance(value_of, float) and not math.isfinite(value_of):
                raise Refusal("NOT_FINITE")
        if came_at is not None and not _is_plausible(created_at, came_at):
            raise Refusal("TIME")
        return Lead(lead_id, created_at, fields)

    def _record(self, value: bytes | None) -> Mapping[str, Any]:
        if not value:
            raise Refusal("WIRE_FORMAT")
        if value[:1] == MARKER[:1]:
            if value[:2] != MARKER or len(value) < HEADER:
                raise Refusal("WIRE_FORMAT")
            try:
                return self._avro.read(value)
            except UnknownSchemaError:
                raise Refusal("SCHEMA") from None
            except DatumError:
                raise Refusal("DECODE") from None
        value = value.removeprefix(b"\xef\xbb\xbf")
        if value.lstrip(b" \t\r\n")[:1] != b"{":
            raise Refusal("WIRE_FORMAT")
        try:
            found = json.loads(value.decode(), parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Refusal("DECODE") from None
        return dict(found)


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _value(value: Any, kind: str) -> Any:
    if kind == "number" and isinstance(value, int | float):
        return _float(value)
    if kind == "date":
        time = _time(value)
        if time is not None:
            return _float(time)
    if kind in ("category", "text"):
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
    raise Refusal("TYPE")


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _created(value: Any) -> int | None:
    """Read a time of creation; a whole number is in the unit that makes it a time of these days."""
    at = _time(value)
    if not isinstance(value, int) or at is None:
        return at
    for unit in (1000, 1, 1 / 1000, 1 / 1_000_000):
        if YEAR_1990 <= at * unit < YEAR_2100:
            return round(at * unit)
    return at


def _is_plausible(created_at: int, came_at: int) -> bool:
    until = came_at + DAY if came_at >= YEAR_2011 else YEAR_2100
    return YEAR_1990 <= created_at <= until


def _time(value: Any) -> int | None:
    """Read milliseconds since 1970, or ISO 8601, UTC where it names no zone."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
