"""Reader of scored events, in any format and of any version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.errors import InvalidEventError
from schemas.framed_schemas import FramedSchemas
from schemas.record_codec import RecordCodec
from schemas.registered import RegisteredSchemas
from schemas.single_object import AVRO_MARKER

__all__ = ["ScoredEventReader", "UnframedEventReader"]

FRAMINGS = (b"\0", b"\1")
"""First bytes of values in Confluent's framing."""


class ScoredEventReader:
    """Reads scored events in any format, of this version and of earlier ones.

    Parameters
    ----------
    registered
        What ids of the schema registry stand for; None: events in Confluent's framing are refused.
    """

    def __init__(self, registered: RegisteredSchemas | None = None) -> None:
        self._codec = RecordCodec("lead_scored")
        self._framed = FramedSchemas(registered)

    def read(self, value: bytes | None) -> Mapping[str, Any]:
        """Read an event.

        Raises
        ------
        ValueError
            The bytes are no scored event.
        InvalidEventError
            They are in Confluent's framing, and their schema is not known.
        """
        if value is None or value.startswith(AVRO_MARKER):
            return self._codec.decode(value)
        if value[:1] in FRAMINGS:
            schema, datum = self._framed.split(value)
            return _json(datum) if schema is None else self._codec.decode_datum(datum, schema)
        return _json(value)


class UnframedEventReader(ScoredEventReader):
    """Reads scored events where no schema registry is asked."""

    def __init__(self) -> None:
        super().__init__(None)

    def read(self, value: bytes | None) -> Mapping[str, Any]:
        """Read an event.

        Raises
        ------
        ValueError
            The bytes are no scored event, or are in Confluent's framing.
        """
        try:
            return super().read(value)
        except InvalidEventError as error:
            raise ValueError(str(error)) from None


def _json(value: bytes) -> Mapping[str, Any]:
    event = orjson.loads(value)
    if not isinstance(event, dict):
        raise ValueError("expected a scored event as a JSON object")
    return event
