"""Reader of scored events, in any format and of any version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from schemas.record_codec import RecordCodec
from schemas.single_object import AVRO_MARKER

__all__ = ["ScoredEventReader"]


class ScoredEventReader:
    """Reads scored events in either format, of this version and of earlier ones."""

    def __init__(self) -> None:
        self._codec = RecordCodec("lead_scored")

    def read(self, value: bytes | None) -> Mapping[str, Any]:
        """Read an event.

        Raises
        ------
        ValueError
            The bytes are no scored event.
        """
        if value is not None and not value.startswith(AVRO_MARKER):
            event = orjson.loads(value)
            if not isinstance(event, dict):
                raise ValueError("expected a scored event as a JSON object")
            return event
        return self._codec.decode(value)
