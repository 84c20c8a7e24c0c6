"""The schemas that are known here, found by fingerprint or by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import (
    SchemaParseException,
    UnknownType,
    fingerprint,
    to_parsing_canonical_form,
)

from schemas.errors import InputError, StartupError
from schemas.soundness import check_sound
from schemas.wire import AVRO_MARKER

__all__ = ["Schema", "SchemaStore", "parse_schema"]

PACKAGED = Path(__file__).parent
LEAD_TIMES = ("long", "string")


@dataclass(frozen=True)
class Schema:
    """A record schema.

    Attributes
    ----------
    avro
        As JSON.
    source
        The file or place that it comes from, for messages.
    """

    avro: Mapping[str, Any]
    source: str = field(compare=False, default="")

    @cached_property
    def name(self) -> str:
        """The name without its namespace."""
        return str(self.avro["name"]).rpartition(".")[2]

    @cached_property
    def full_name(self) -> str:
        """The name with its namespace."""
        return str(self.parsed["name"])

    @cached_property
    def parsed(self) -> Any:
        """As fastavro takes it, named types resolved and logical types left out.

        Time stamps stay the integers that they are on the wire.
        """
        return fastavro.parse_schema(_plain(self.avro))

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO of the parsing canonical form: 8 bytes, little-endian, as on the wire."""
        return bytes.fromhex(fingerprint(to_parsing_canonical_form(self.avro), "CRC-64-AVRO"))

    @cached_property
    def header(self) -> bytes:
        """What a single-object encoding of it starts with: 10 bytes."""
        return AVRO_MARKER + self.fingerprint

    @cached_property
    def fields(self) -> dict[str, Any]:
        """Each field's type, logical types left out, by name."""
        return {entry["name"]: entry["type"] for entry in self.parsed["fields"]}

    def require_lead(self) -> None:
        """Check that leads can be of this schema.

        Raises
        ------
        InputError
            It has no string ``lead_id``, or no ``created_at`` that is a long or a string.
        """
        for name, allowed in (("lead_id", ("string",)), ("created_at", LEAD_TIMES)):
            found = self.fields.get(name, "no such field")
            branches = found if isinstance(found, list) else [found]
            if not any(branch in allowed for branch in branches):
                raise InputError(
                    f"{self.source or self.full_name}: a lead's schema needs a field {name} of type"
                    f" {' or '.join(allowed)}, found {found}: add it"
                )


class SchemaStore:
    """Schemas by fingerprint and by name."""

    def __init__(self) -> None:
        self._by_fingerprint: dict[bytes, Schema] = {}
        self._by_name: dict[str, Schema] = {}

    @classmethod
    def load(cls, *folders: str | Path) -> SchemaStore:
        """Load each ``*.avsc`` of LeadScore's own folder and of further ones.

        Raises
        ------
        StartupError
            A folder is not there, or a file is not a record schema.
        """
        store = cls()
        for folder in (PACKAGED, *map(Path, folders)):
            if not folder.is_dir():
                raise StartupError(
                    f"expected a folder of Avro schemas (*.avsc) at {folder}, there is none:"
                    " set LEADSCORE_SCHEMA_DIR to one, or unset it"
                )
            for file in sorted(folder.glob("*.avsc")):
                try:
                    store.add_file(file)
                except InputError as error:
                    raise StartupError(str(error)) from None
        return store

    def add_file(self, file: str | Path) -> Schema:
        """Add the schema of a file.

        Raises
        ------
        InputError
            The file can't be read, or holds no usable record schema.
        """
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"expected an Avro schema in {file}, can't read it: {error}") from None
        try:
            avro = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file}: expected an Avro schema as JSON: {error}") from None
        return self.add(avro, str(file))

    def add(self, avro: Any, source: str = "") -> Schema:
        """Add a schema; the same one again changes nothing.

        Raises
        ------
        InputError
            It is not a usable record schema.
        """
        schema = parse_schema(avro, source)
        schema = self._by_fingerprint.setdefault(schema.fingerprint, schema)
        for name in (schema.name, schema.full_name):
            self._by_name[name] = schema
        return schema

    def by_fingerprint(self, fingerprint: bytes) -> Schema | None:
        """Find the schema of a fingerprint of 8 bytes, as on the wire."""
        return self._by_fingerprint.get(fingerprint)

    def by_name(self, name: str) -> Schema | None:
        """Find a schema by its name, with or without its namespace; the last that was added."""
        return self._by_name.get(name)

    def lead_contracts(self) -> list[Schema]:
        """List the schemas that leads can be of."""
        return [schema for schema in self if _is_lead(schema)]

    def __iter__(self) -> Iterator[Schema]:
        return iter(self._by_fingerprint.values())


def parse_schema(avro: Any, source: str = "") -> Schema:
    """Check that a schema is a record that can be read without risk.

    Raises
    ------
    InputError
        It is no record schema, or one that is not sound (``schemas.soundness``): a few bytes of
        such data could make a reader run out of stack, or run for ever.
    """
    where = source or "the schema"
    if not isinstance(avro, Mapping) or avro.get("type") != "record":
        found = avro.get("type") if isinstance(avro, Mapping) else type(avro).__name__
        raise InputError(f"{where}: expected an Avro record schema, found {found!r}")
    if not isinstance(avro.get("fields"), list):
        raise InputError(f"{where}: expected a record with a list of fields: add it")
    schema = Schema(dict(avro), source)
    try:
        _ = schema.parsed, schema.fingerprint, schema.full_name
        check_sound(schema.parsed)
    except RecursionError:
        raise InputError(f"{where} is nested too deeply: flatten it") from None
    except Exception as error:  # fastavro raises whatever a schema leads it to
        is_told = isinstance(error, SchemaParseException | UnknownType | ValueError)
        why = str(error) if is_told else repr(error)
        raise InputError(f"{where} is not a usable Avro schema: {why}") from None
    return schema


def _is_lead(schema: Schema) -> bool:
    try:
        schema.require_lead()
    except InputError:
        return False
    return True


def _plain(node: Any) -> Any:
    """Copy a schema without logical types and documentation."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept = {key: value for key, value in node.items() if key not in ("logicalType", "doc")}
    for key in ("type", "items", "values"):
        if key in kept:
            kept[key] = _plain(kept[key])
    if isinstance(kept.get("fields"), list):
        kept["fields"] = [_plain(entry) for entry in kept["fields"]]
    if set(kept) == {"type"}:  # {"type": "long"} is "long"
        return kept["type"]
    return kept
