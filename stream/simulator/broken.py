"""Broken events as real senders produce them, each with its expected error code."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.store import Schema
from schemas.wire import WireFormat
from stream.simulator.lead_fields import LeadField, lead_fields

__all__ = ["DEFECTS", "BrokenMix", "BrokenValue", "Defect"]

SINGLE_OBJECT_HEADER = 10
"""Bytes before an Avro single-object's body: the marker and the fingerprint."""

LARGEST_SENT = 900_000
"""Bytes: Kafka's default limit is 1 MiB, so a larger event would not reach the worker."""
FRACTIONS = ("float", "double")
NUMBERS = ("int", "long", *FRACTIONS)

Record = Mapping[str, object]


class BrokenValue(NamedTuple):
    """The value of a broken event."""

    kind: str
    """The name of its defect."""
    code: ErrorCode
    """Expected error code of its dead letter."""
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract of the leads, their wire format, and the worker's size limit."""

    schema: Schema
    wire: WireFormat
    max_bytes: int
    fields: tuple[LeadField, ...]

    def avro(self, record: Record) -> bytes:
        """Return a record in Avro single-object encoding."""
        return encode_lead(record, self.schema, WireFormat.AVRO)

    def good(self, record: Record) -> bytes:
        """Return a record in the wire format, unbroken."""
        return encode_lead(record, self.schema, self.wire)

    def names(self, *avro_types: str) -> list[str]:
        """Return the names of the fields of the given Avro types."""
        return [field.name for field in self.fields if field.avro_type in avro_types]

    def may_be_bare(self) -> bool:
        """Return whether a lead may lack every field but its id and time."""
        return all(field.may_lack for field in self.fields)


@dataclass(frozen=True, slots=True)
class Defect:
    """One way in which an event can be broken."""

    name: str
    code: ErrorCode
    """Expected error code."""
    spoil: Callable[[Contract, dict[str, object], random.Random], bytes | None]
    suits: Callable[[Contract], bool] = lambda contract: True
    """Whether leads of the contract can have this defect."""


class BrokenMix:
    """Breaks leads with every defect that their contract allows, in equal shares.

    Parameters
    ----------
    schema
        The contract of the leads.
    wire
        The format in which the good leads are sent.
    max_bytes
        The worker's limit on an event's size.
    seed
        Random seed; the same seed gives the same defects.
    """

    def __init__(self, schema: Schema, wire: WireFormat, *, max_bytes: int, seed: int) -> None:
        self._contract = Contract(schema, wire, max_bytes, lead_fields(schema.avro))
        self._rng = random.Random(seed)
        self.defects = tuple(defect for defect in DEFECTS if defect.suits(self._contract))
        self._turn = 0

    def spoil(self, record: dict[str, object]) -> BrokenValue:
        """Return a lead with the next defect of the mix."""
        defect = self.defects[self._turn % len(self.defects)]
        self._turn += 1
        value = defect.spoil(self._contract, record, self._rng)
        return BrokenValue(defect.name, defect.code, value)


def _tombstone(contract: Contract, record: dict[str, object], rng: random.Random) -> None:
    return None


def _empty(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    return b""


def _garbage(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    # Starts like neither Avro, Confluent's framing, JSON nor text.
    return bytes([rng.randrange(0x80, 0xC0)]) + rng.randbytes(rng.randrange(200))


def _unknown_fingerprint(
    contract: Contract, record: dict[str, object], rng: random.Random
) -> bytes:
    return b"\xc3\x01" + rng.randbytes(8) + contract.avro(record)[SINGLE_OBJECT_HEADER:]


def _truncated(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    whole = contract.avro(record)
    return whole[: rng.randrange(SINGLE_OBJECT_HEADER, len(whole))]


def _confluent(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    schema_id = rng.randrange(1, 1000).to_bytes(4, "big")
    return b"\x00" + schema_id + contract.avro(record)[SINGLE_OBJECT_HEADER:]


def _broken_json(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    return orjson.dumps(record)[:-1]


def _no_lead_id(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    return orjson.dumps({name: value for name, value in record.items() if name != "lead_id"})


def _wrong_type(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    # Breaks all numbers, or all texts if there are none, so that the model reads at least one.
    numbers = dict.fromkeys(contract.names(*NUMBERS), "many")
    texts = {name: ["not", "a", "text"] for name in contract.names("string")}
    return orjson.dumps({**record, **(numbers or texts)})


def _not_finite(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    number = rng.choice((float("nan"), float("inf"), float("-inf")))
    return contract.avro(record | dict.fromkeys(contract.names(*FRACTIONS), number))


def _too_large(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    return orjson.dumps(record | {"attachment": "x" * contract.max_bytes})


def _too_few_fields(contract: Contract, record: dict[str, object], rng: random.Random) -> bytes:
    bare: dict[str, object] = {field.name: field.default for field in contract.fields}
    return contract.good(record | bare)


DEFECTS = (
    Defect("empty", ErrorCode.WIRE_FORMAT, _empty),
    Defect("garbage", ErrorCode.WIRE_FORMAT, _garbage),
    Defect("unknown_fingerprint", ErrorCode.SCHEMA, _unknown_fingerprint),
    Defect("truncated", ErrorCode.DECODE, _truncated),
    Defect("confluent", ErrorCode.WIRE_FORMAT, _confluent),
    Defect("no_lead_id", ErrorCode.VALIDATION, _no_lead_id),
    Defect(
        "wrong_type",
        ErrorCode.TYPE,
        _wrong_type,
        lambda contract: bool(contract.names(*NUMBERS, "string")),
    ),
    Defect(
        "not_finite",
        ErrorCode.NOT_FINITE,
        _not_finite,
        lambda contract: bool(contract.names(*FRACTIONS)),
    ),
    Defect(
        "too_large",
        ErrorCode.TOO_LARGE,
        _too_large,
        lambda contract: contract.max_bytes < LARGEST_SENT,
    ),
    Defect("too_few_fields", ErrorCode.FEATURES, _too_few_fields, Contract.may_be_bare),
    Defect("tombstone", ErrorCode.WIRE_FORMAT, _tombstone),
    Defect("broken_json", ErrorCode.DECODE, _broken_json),
)
"""All defects. ``too_few_fields`` becomes a dead letter only if the worker is set to refuse such
leads; else they are scored and flagged. The others always become dead letters, provided that the
model reads a field of the kind that ``wrong_type`` and ``not_finite`` break."""
