"""A schema registry in memory, that can be unavailable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from schemas.registered import RegisteredText, header_of_id
from stream.schema_registry.registry import (
    IncompatibleError,
    NotRegisteredError,
    RegistryUnavailableError,
)

__all__ = ["FakeSchemaRegistry", "FramedRecord"]


class FramedRecord(NamedTuple):
    """As much of a record as the lookup of its id looks at."""

    offset: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


class FakeSchemaRegistry:
    """Subjects with versions, ids and levels; see ``SchemaRegistry``.

    Attributes
    ----------
    is_unavailable
        Whether nothing is answered.
    asked
        The ids that were asked for, in order.
    refuses
        The subjects to which no schema is compatible.
    levels
        Compatibility levels by subject.
    is_closed
        Whether it was closed.
    """

    def __init__(self) -> None:
        self.is_unavailable = False
        self.asked: list[bytes] = []
        self.refuses: set[str] = set()
        self.levels: dict[str, str] = {}
        self.is_closed = False
        self._texts: dict[bytes, RegisteredText] = {}
        self._subjects: dict[str, list[int]] = {}

    def add(
        self,
        schema: object,
        kind: str = "AVRO",
        references: Sequence[object] = (),
        *,
        subject: str = "leads.created-value",
        header: bytes | None = None,
    ) -> bytes:
        """Add a version of a subject; return the bytes that its values begin with."""
        number = len(self._texts) + 1
        header = header or header_of_id(number)
        text = schema if isinstance(schema, str) else json.dumps(schema)
        self._texts[header] = RegisteredText(kind, text, [json.dumps(part) for part in references])
        self._subjects.setdefault(subject, []).append(number)
        return header

    async def text_of(self, header: bytes) -> RegisteredText:
        self.asked.append(header)
        self._answer()
        if header not in self._texts:
            raise NotRegisteredError("the schema registry answered: no such schema")
        return self._texts[header]

    async def id_of(self, subject: str, schema: str) -> int | None:
        self._answer()
        for number in self._subjects.get(subject, ()):
            if self._texts[header_of_id(number)].text == schema:
                return number
        return None

    async def kind_of(self, subject: str) -> str | None:
        self._answer()
        numbers = self._subjects.get(subject)
        return self._texts[header_of_id(numbers[-1])].kind if numbers else None

    async def level(self, subject: str) -> str:
        self._answer()
        return self.levels.get(subject, "BACKWARD")

    async def set_level(self, subject: str, level: str) -> None:
        self._answer()
        self.levels[subject] = level

    async def is_compatible(self, subject: str, schema: str) -> bool:
        self._answer()
        return subject not in self.refuses

    async def register(self, subject: str, schema: str) -> int:
        self._answer()
        if subject in self.refuses:
            raise IncompatibleError("the schema registry answered: incompatible")
        return int.from_bytes(self.add(schema, subject=subject)[1:], "big")

    async def close(self) -> None:
        self.is_closed = True

    def _answer(self) -> None:
        if self.is_unavailable:
            raise RegistryUnavailableError("the schema registry does not answer")
