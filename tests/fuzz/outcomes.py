"""Outcomes of leads, as the CRM writes them, in Avro and in JSON."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import orjson

from schemas.errors import InvalidEventError
from schemas.lead_outcome import (
    LONGEST_TEXT,
    MONEY_SCALE,
    LeadOutcome,
    OutcomeReader,
    encode_outcome,
)
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from tests.contract.leads import ALL_TYPES
from tests.fuzz.target import Feed, Target

__all__ = ["OUTCOMES"]

MAX_BYTES = 4096
AT = 1_760_000_000_123
WRITTEN = (WireFormat.AVRO, WireFormat.JSON)
"""The formats that need no schema registry."""


@contextmanager
def _outcomes() -> Iterator[Feed]:
    store = SchemaStore.load()
    store.add(ALL_TYPES)
    reader = OutcomeReader(store, max_bytes=MAX_BYTES)

    def feed(given: bytes) -> None:
        """Read 8 bytes of time stamp and a value; what was read is the same when it is written."""
        (timestamp,) = struct.unpack("<q", given[:8].ljust(8, b"\x00"))
        try:
            outcome = reader.read(given[8:] or None, timestamp)
        except InvalidEventError:
            return
        assert outcome.lead_id.strip()
        if len(outcome.outcome) > LONGEST_TEXT:  # `ß` is two letters in lower case
            return
        for wire in WRITTEN:
            assert reader.read(encode_outcome(_record(outcome), wire), timestamp) == outcome

    yield feed


def _record(outcome: LeadOutcome) -> dict[str, Any]:
    money = None if outcome.money is None else str(Decimal(outcome.money) / MONEY_SCALE)
    return {
        "lead_id": outcome.lead_id,
        "outcome": outcome.outcome,
        "occurred_at": outcome.occurred_at,
        "value": money,
        "currency": outcome.currency,
        "request_id": outcome.request_id,
    }


def _outcome_seeds() -> Sequence[bytes]:
    least = {"lead_id": "L-1", "outcome": "lost", "occurred_at": AT}
    full = {
        **least,
        "outcome": " Converted",
        "value": "1990.00",
        "currency": "eur",
        "request_id": "req-7",
    }
    values = [encode_outcome(record, wire) for record in (least, full) for wire in WRITTEN]
    values += [
        orjson.dumps({**full, **changed})
        for changed in (
            {"value": 0.1, "occurred_at": "2025-10-09T08:53:20Z"},
            {"value": -1990, "occurred_at": AT / 1000},
            {"value": "1e9"},
            {"currency": "euros"},
            {"occurred_at": 2**62},
            {"outcome": "STRASSE \u00df"},
        )
    ]
    return [struct.pack("<q", at) + value for value in values for at in (AT, 0)]


OUTCOMES = Target("outcomes", _outcomes, _outcome_seeds, longest=MAX_BYTES + 256)
