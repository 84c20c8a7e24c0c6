"""Outcomes of leads: what a record of leads.outcomes says, its reader and its writer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import orjson

from schemas.errors import ErrorCode, InvalidEventError
from schemas.record_codec import RecordCodec
from schemas.record_reader import RecordReader
from schemas.record_time import EARLIEST_MS as KAFKA_EARLIEST_MS
from schemas.store import SchemaStore
from schemas.time_reading import FIRST_MS, UNTIL_MS, read_time, time_of_number
from schemas.wire import WireFormat

__all__ = ["MONEY_SCALE", "LeadOutcome", "OutcomeReader", "encode_outcome"]

MONEY_SCALE = 10_000
"""Units of money in one unit of its currency: no currency of ISO 4217 has more than four digits
after the point, so sums of whole units are exact."""
MOST_MONEY = 10**12
"""In units of the currency: a larger value is a typing error, and too many would overflow a sum."""
LONGEST_TEXT = 1024
"""Characters of a lead_id or an outcome."""
MONEY = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,18})?")
CURRENCY = re.compile(r"[A-Za-z]{3}")
DAY_MS = 86_400_000.0


@dataclass(frozen=True, slots=True)
class LeadOutcome:
    """An outcome of a lead.

    Attributes
    ----------
    lead_id
        The lead.
    outcome
        Such as converted; without spaces around it, in lower case.
    occurred_at
        Milliseconds since 1970.
    money
        What it brought, in units of ``1 / MONEY_SCALE`` of the currency; None: not known.
    currency
        Three capital letters (ISO 4217); None: not known.
    request_id
        Correlation id; None: not known.
    """

    lead_id: str
    outcome: str
    occurred_at: int
    money: int | None = None
    currency: str | None = None
    request_id: str | None = None


class OutcomeReader:
    """Reads outcomes in Avro single-object encoding, of this or any known schema, and in JSON.

    Parameters
    ----------
    store
        The schemas that outcomes may be written with.
    max_bytes
        Largest value that is decoded.
    earliest_ms
        First plausible time, in milliseconds since 1970.
    ahead_ms
        Most milliseconds by which an outcome may be after its record.
    """

    def __init__(
        self,
        store: SchemaStore,
        *,
        max_bytes: int = 1 << 18,
        earliest_ms: float = FIRST_MS,
        ahead_ms: float = DAY_MS,
    ) -> None:
        self._records = RecordReader(store)
        self._max_bytes = max_bytes
        self._earliest = earliest_ms
        self._ahead = ahead_ms

    def read(self, value: bytes | None, timestamp: int) -> LeadOutcome:
        """Read an outcome.

        Parameters
        ----------
        value
            The record's value.
        timestamp
            The record's time stamp, in milliseconds since 1970.

        Raises
        ------
        InvalidEventError
            It is none. The message has no value of it.
        """
        if value is not None and len(value) > self._max_bytes:
            raise InvalidEventError(
                ErrorCode.TOO_LARGE,
                f"expected at most {self._max_bytes} bytes, got {len(value)}: send less, or raise"
                " LEADSCORE_MAX_EVENT_BYTES",
            )
        record = self._records.read(value)
        request_id = record.get("request_id")
        return LeadOutcome(
            lead_id=_text(record, "lead_id"),
            outcome=_text(record, "outcome").strip().casefold(),
            occurred_at=self._time(record.get("occurred_at"), timestamp),
            money=_money(record.get("value")),
            currency=_currency(record.get("currency")),
            request_id=request_id if isinstance(request_id, str) and request_id else None,
        )

    def _time(self, value: Any, timestamp: int) -> int:
        found = _milliseconds(value)
        if found is None or found != found:  # NaN: text that means missing
            raise InvalidEventError(
                ErrorCode.VALIDATION,
                "expected occurred_at to be a time (milliseconds since 1970, or ISO 8601), got"
                f" {_kind(value)}",
            )
        until = timestamp + self._ahead if timestamp >= KAFKA_EARLIEST_MS else UNTIL_MS
        if not self._earliest <= found <= until:
            raise InvalidEventError(
                ErrorCode.TIME,
                "expected occurred_at not long after the outcome was sent, and not before"
                " LEADSCORE_EARLIEST_YEAR, got another time: send milliseconds since 1970 or ISO"
                " 8601; LEADSCORE_TIMES_AHEAD_DAYS widens what is plausible",
            )
        return int(found)


def encode_outcome(record: Mapping[str, Any], wire: WireFormat = WireFormat.AVRO) -> bytes:
    """Write an outcome, as a CRM does.

    Parameters
    ----------
    record
        ``lead_id``, ``outcome``, ``occurred_at`` in milliseconds since 1970, and the rest if known.
    wire
        Avro single-object encoding, or JSON.
    """
    return orjson.dumps(record) if wire is WireFormat.JSON else _codec().encode(record)


@cache
def _codec() -> RecordCodec:
    return RecordCodec("lead_outcome")


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise InvalidEventError(
            ErrorCode.VALIDATION,
            f"expected {name} to be a string of 1 to {LONGEST_TEXT} characters, got {_kind(value)}",
        )
    return value


def _milliseconds(value: Any) -> float | None:
    if isinstance(value, str):
        return read_time(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**63:
        return None
    at = time_of_number(float(value))
    return value if at is None else at


def _money(value: Any) -> int | None:
    """Return money in units of 1 / MONEY_SCALE, rounded half to even; None where there is none."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    text = repr(value) if is_number else value
    if isinstance(value, float) and value.is_integer() and abs(value) <= MOST_MONEY:
        text = str(int(value))
    if isinstance(text, str) and MONEY.fullmatch(text.strip()):
        money = Decimal(text.strip())
        if abs(money) <= MOST_MONEY:
            return int((money * MONEY_SCALE).to_integral_value())
    raise InvalidEventError(
        ErrorCode.TYPE,
        "field value: expected a decimal number such as 1990.00, as text or as a number, of at most"
        f" {MOST_MONEY:,}, or null, got {_kind(value)} that is none",
    )


def _currency(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and CURRENCY.fullmatch(value):
        return value.upper()
    raise InvalidEventError(
        ErrorCode.TYPE,
        "field currency: expected three letters by ISO 4217, such as EUR, or null, got"
        f" {_kind(value)}{' of another form' if isinstance(value, str) else ''}",
    )


def _kind(value: Any) -> str:
    """Return what a value is, for messages: never the value."""
    kinds = {type(None): "nothing", str: "a string", bool: "a boolean", list: "an array"}
    kinds |= {dict: "an object", int: "a number", float: "a number", bytes: "bytes"}
    return kinds.get(type(value), "another type")
