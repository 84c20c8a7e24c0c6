"""Meanings of the ids of a schema registry, as far as they are known here.

Confluent's framing names the writer's schema by an id of the registry: a zero byte and 4 bytes of
id before the datum, or one byte 01 and 16 bytes of GUID, mostly in the record's header
``__value_schema_id`` [1]_. Whoever knows the registry adds what an id stands for; an id never
changes its meaning.

References
----------
.. [1] Confluent Platform, "Formats, Serializers, and Deserializers", "Wire format";
   ``SchemaId`` of confluent-kafka for Python.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.self_contained import definitions, self_contained
from schemas.store import Schema, parse_schema

__all__ = [
    "GUID_BYTES",
    "ID_BYTES",
    "LENGTHS",
    "VALUE_SCHEMA_ID",
    "JsonText",
    "Meaning",
    "RegisteredAvro",
    "RegisteredSchemas",
    "RegisteredText",
    "framed",
    "header_of",
    "header_of_id",
    "in_words",
    "meaning_of_text",
]

VALUE_SCHEMA_ID = "__value_schema_id"
"""Header of a record whose value begins with the datum: 01 and the GUID of the value's schema."""
ID_BYTES, GUID_BYTES = 5, 17
"""Length of the framing: the marker 00 and an id, the marker 01 and a GUID."""
LENGTHS = {0: ID_BYTES, 1: GUID_BYTES}
"""Length of the framing by its first byte."""
MOST_UNRESOLVED = 100_000
"""Ids without a schema that are remembered: damaged records can have any."""
MOST_BRANCHES = 64
"""Branches of a union at the top of a schema whose number is one byte."""


class JsonText(Enum):
    """Meaning of the id of a JSON Schema: the datum is JSON, whatever the schema says."""

    JSON = "json"


@dataclass(frozen=True, slots=True)
class RegisteredAvro:
    """An Avro schema of the registry.

    Attributes
    ----------
    branches
        The record schemas that a datum can have, each able to stand alone, or why its data are
        no leads. One, unless the schema is a union.
    is_union
        Whether the number of the branch precedes the datum.
    """

    branches: Sequence[Schema | InvalidEventError]
    is_union: bool = False


Meaning = RegisteredAvro | JsonText | InvalidEventError
"""Meaning of an id; an error: its records are dead letters."""


@dataclass(frozen=True, slots=True)
class RegisteredText:
    """A schema as the registry has it.

    Attributes
    ----------
    kind
        AVRO, JSON or PROTOBUF.
    text
        The schema.
    references
        The texts of the schemas that it refers to, directly or not.
    """

    kind: str
    text: str
    references: Sequence[str] = ()


class RegisteredSchemas:
    """The meanings of ids that are known, by the first bytes of a value with such an id."""

    def __init__(self) -> None:
        self._meanings: dict[bytes, Meaning] = {}
        self._unresolved: dict[bytes, tuple[InvalidEventError, float]] = {}
        self._headers: dict[bytes, bytes] = {}

    def add(self, header: bytes, meaning: Meaning) -> None:
        """Remember forever what an id stands for."""
        self._unresolved.pop(header, None)
        self._meanings[header] = meaning

    def add_unresolved(self, header: bytes, verdict: InvalidEventError, until: float) -> None:
        """Remember the verdict on leads whose id the registry does not know, or not now.

        Parameters
        ----------
        header
            The id.
        verdict
            Why there is no schema.
        until
            When to ask again, in seconds of the clock that ``is_known`` is given.
        """
        self._unresolved.pop(header, None)
        if len(self._unresolved) >= MOST_UNRESOLVED:
            del self._unresolved[next(iter(self._unresolved))]
        self._unresolved[header] = verdict, until

    def add_written(self, schema: Schema, header: bytes) -> None:
        """Remember the id under which a schema of LeadScore's is registered for writing."""
        self._headers[schema.fingerprint] = header

    def get(self, header: bytes) -> Meaning | None:
        """Return what an id stands for; None if that is not known here."""
        meaning = self._meanings.get(header)
        if meaning is None and header in self._unresolved:
            return self._unresolved[header][0]
        return meaning

    def is_known(self, header: bytes, now: float) -> bool:
        """Return whether the registry need not be asked for an id at a time."""
        if header in self._meanings:
            return True
        _, until = self._unresolved.get(header, (None, now))
        return until > now

    def header_to_write(self, schema: Schema) -> bytes | None:
        """Return the first bytes of data that are written with a schema; None without an id."""
        return self._headers.get(schema.fingerprint)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the ids whose meaning is known forever."""
        return iter(tuple(self._meanings))


def header_of_id(schema_id: int) -> bytes:
    """Return the first bytes of a value whose schema has an id.

    Examples
    --------
    >>> header_of_id(7).hex(" ")
    '00 00 00 00 07'
    """
    return b"\0" + schema_id.to_bytes(4, "big")


def header_of(value: bytes) -> bytes | None:
    """Return the framing that a value begins with; None if it begins with none, or is cut."""
    length = LENGTHS.get(value[0]) if value[:1] else None
    return value[:length] if length is not None and len(value) >= length else None


def framed(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
    """Return a value behind the framing that its record's headers hold, if they hold one.

    Parameters
    ----------
    value
        The record's value.
    headers
        The record's headers.
    """
    if not value or not value[:1]:  # a value that was left out has a length, but no bytes
        return value
    for name, found in headers:
        if name == VALUE_SCHEMA_ID and found and header_of(found) == found:
            return found + value
    return value


def in_words(header: bytes) -> str:
    r"""Return the name of an id, for messages.

    Examples
    --------
    >>> in_words(b"\0\0\0\0\7")
    'schema id 7'
    """
    if header[:1] == b"\0":
        return f"schema id {int.from_bytes(header[1:ID_BYTES], 'big')}"
    return f"schema GUID {uuid.UUID(bytes=header[1:GUID_BYTES])}"


def meaning_of_text(registered: RegisteredText, where: str) -> Meaning:
    """Return what an id stands for, given the schema that the registry has under it.

    Parameters
    ----------
    registered
        The schema.
    where
        The id in words, for messages.
    """
    if registered.kind == "JSON":
        return JsonText.JSON
    if registered.kind == "PROTOBUF":
        return InvalidEventError(
            ErrorCode.PROTOBUF,
            f"{where} is a Protobuf schema, which is not read: write leads as Avro, or as JSON with"
            " a JSON Schema",
        )
    if registered.kind != "AVRO":
        return _incompatible(where, f"expected an Avro or JSON schema, found {registered.kind!r}")
    try:
        return _meaning_of_avro(json.loads(registered.text), registered.references, where)
    except (ValueError, RecursionError) as error:
        return _incompatible(where, f"expected an Avro schema as JSON: {error}")


def _meaning_of_avro(avro: Any, references: Sequence[str], where: str) -> Meaning:
    known: dict[str, Any] = {}
    for text in references:
        known = definitions(json.loads(text)) | known
    if isinstance(avro, str):  # the schema is only the name of a referenced type
        return RegisteredAvro([_lead_schema(avro, known, where)])
    if not isinstance(avro, list):
        found = _lead_schema(avro, known, where)
        return found if isinstance(found, InvalidEventError) else RegisteredAvro([found])
    if len(avro) > MOST_BRANCHES:
        return _incompatible(where, f"a union of more than {MOST_BRANCHES} types")
    known = definitions(avro) | known
    branches = [_lead_schema(_name_of(branch), known, where) for branch in avro]
    return RegisteredAvro(branches, is_union=True)


def _name_of(branch: Any) -> Any:
    """Return the full name of a branch that defines a type, else the branch."""
    return next(iter(definitions(branch)), branch) if isinstance(branch, Mapping) else branch


def _lead_schema(avro: Any, known: Mapping[str, Any], where: str) -> Schema | InvalidEventError:
    try:
        schema = parse_schema(self_contained(avro, known), where)
        schema.require_lead()
    except InputError as error:
        return _incompatible(where, str(error).removeprefix(f"{where}: "))
    return schema


def _incompatible(where: str, why: str) -> InvalidEventError:
    return InvalidEventError(
        ErrorCode.INCOMPATIBLE,
        f"{where} can't be read as a lead: {why} (`leadscore schemas check` compares the registered"
        " schemas with the contract)",
    )
