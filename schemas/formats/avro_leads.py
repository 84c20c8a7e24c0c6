"""Leads in the Avro binary encoding, behind a header that names the writer's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from schemas.avro_reader import AvroReader, compile_reader
from schemas.column_reader import ColumnReader, column_reader
from schemas.errors import InvalidEventError
from schemas.formats.event_format import DecodedRow, LeadFields, ReadColumns
from schemas.store import Schema

__all__ = ["AvroLeadReader"]

COLUMNS_FROM = 8
"""Size of a batch from which on its records are read by column."""


class AvroLeadReader:
    """Reads leads that begin with a header of a fixed length; see ``LeadReader``.

    Parameters
    ----------
    header_bytes
        Length of the header.
    schema_of
        Returns the schema that a header names, or raises ``InvalidEventError``.
    fields
        What to read.
    known
        The headers for which ``prepare`` makes readers.
    """

    def __init__(
        self,
        header_bytes: int,
        schema_of: Callable[[bytes], Schema],
        fields: LeadFields,
        known: Iterable[bytes],
    ) -> None:
        self._header_bytes = header_bytes
        self._find_schema = schema_of
        self._fields = fields
        self._known = tuple(known)
        self._readers: dict[bytes, AvroReader] = {}
        self._column_readers: dict[bytes, ColumnReader | None] = {}

    def read_columns(self, values: Sequence[bytes | None]) -> ReadColumns | None:
        """Read the records of the first one's schema, which is that of most of a batch."""
        first = values[0] if len(values) >= COLUMNS_FROM else None
        if first is None:
            return None
        header = first[: self._header_bytes]
        if isinstance(self._reader(header), InvalidEventError):
            return None
        reader = self._column_readers[header]
        return None if reader is None else reader.read(values)

    def read_rows(
        self,
        values: Sequence[bytes | None],
        indices: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        """Read records schema by schema."""
        by_header: dict[bytes, list[int]] = {}
        for i in indices:
            value = values[i]
            assert value is not None
            by_header.setdefault(value[: self._header_bytes], []).append(i)
        for header, of_schema in by_header.items():
            reader = self._reader(header)
            if isinstance(reader, InvalidEventError):
                errors.update(dict.fromkeys(of_schema, reader))
            else:
                reader(values, of_schema, rows, errors)

    def prepare(self) -> None:
        """Generate the readers of the known schemas."""
        for header in self._known:
            self.prepare_for(header)

    def prepare_for(self, header: bytes) -> None:
        """Generate the reader of the schema that a header names."""
        self._reader(header)

    def schema_of(self, value: bytes) -> str | None:
        """Return the name of the schema that a value's header names."""
        try:
            return self._find_schema(value[: self._header_bytes]).full_name
        except InvalidEventError:
            return None

    def _reader(self, header: bytes) -> AvroReader | InvalidEventError:
        reader = self._readers.get(header)
        if reader is not None:
            return reader
        fields = self._fields
        try:
            schema = self._find_schema(header).with_names(fields.names)
        except InvalidEventError as verdict:
            return verdict.without_frames()
        self._column_readers[header] = column_reader(
            schema, fields.kinds, fields.max_bytes, fields.readings, header=header
        )
        self._readers[header] = compile_reader(
            schema, fields.kinds, fields.readings, header_bytes=self._header_bytes
        )
        return self._readers[header]
