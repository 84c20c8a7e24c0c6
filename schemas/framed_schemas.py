"""Schema and datum of a value in Confluent's framing, as far as the registry's ids are known."""

from __future__ import annotations

from schemas.errors import ErrorCode, InvalidEventError
from schemas.registered import (
    LENGTHS,
    JsonText,
    Meaning,
    RegisteredAvro,
    RegisteredSchemas,
    header_of,
    in_words,
)
from schemas.store import Schema

__all__ = ["FramedSchemas", "framing_of"]


def framing_of(value: bytes) -> bytes:
    """Return the framing that a value begins with.

    Raises
    ------
    InvalidEventError
        It is incomplete.
    """
    header = header_of(value)
    if header is None:
        raise InvalidEventError(
            ErrorCode.WIRE_FORMAT,
            "expected 00 and 4 bytes of schema id, or 01 and 16 bytes of GUID, at the start of"
            f" an event in Confluent's framing, got {len(value)} bytes in all: the event was"
            " cut, or is in another format",
        )
    return header


class FramedSchemas:
    """Returns the schema that a value in Confluent's framing was written with.

    Parameters
    ----------
    registered
        What ids stand for; None: no schema registry is set, so no value can be read.
    """

    def __init__(self, registered: RegisteredSchemas | None) -> None:
        self._registered = registered

    def meaning(self, header: bytes) -> Meaning:
        """Return what an id or GUID stands for; a verdict if that is not known."""
        if self._registered is None:
            return InvalidEventError(
                ErrorCode.WIRE_FORMAT,
                "expected Avro single-object encoding (C3 01) or a JSON object, got Confluent"
                " framing, which needs a schema registry: set LEADSCORE_SCHEMA_REGISTRY_URL",
            )
        meaning = self._registered.get(header)
        if meaning is None:
            return InvalidEventError(
                ErrorCode.SCHEMA_ID,
                f"{in_words(header)} was not looked up in the schema registry: send the record"
                " again",
            )
        return meaning

    def schema_behind(self, header: bytes) -> Schema:
        """Return the schema of data behind a header, which may end with a branch's number.

        Raises
        ------
        InvalidEventError
            The id is not known, the branch is none, or its data can't be read.
        """
        id_bytes = LENGTHS[header[0]]
        meaning = self.meaning(header[:id_bytes])
        if isinstance(meaning, InvalidEventError):
            raise meaning
        assert not isinstance(meaning, JsonText)
        number = header[id_bytes] if len(header) > id_bytes else 0
        branch, is_odd = divmod(number, 2)
        if is_odd or branch >= len(meaning.branches):
            raise InvalidEventError(
                ErrorCode.DECODE,
                f"expected the number of one of {len(meaning.branches)} types before the datum, got"
                f" {number:02x}: the writer's schema differs, or the event was cut",
            )
        found = meaning.branches[branch]
        if isinstance(found, InvalidEventError):
            raise found
        return found

    def split(self, value: bytes) -> tuple[Schema | None, bytes]:
        """Return the schema and the datum of a value; without a schema the datum is JSON.

        Raises
        ------
        InvalidEventError
            The value is cut, its id is not known, or its data can't be read.
        """
        header = framing_of(value)
        meaning = self.meaning(header)
        if isinstance(meaning, InvalidEventError):
            raise meaning
        if not isinstance(meaning, RegisteredAvro):
            return None, value[len(header) :]
        start = len(header) + meaning.is_union
        return self.schema_behind(value[:start]), value[start:]
