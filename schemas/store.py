"""Known schemas, by fingerprint and by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
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
from schemas.field_names import FieldNames, misnamed
from schemas.logical_types import KEPT, Meaning, meaning_of, type_label, type_name
from schemas.nested_objects import DEEPEST
from schemas.schema_limits import check_sound
from schemas.single_object import AVRO_MARKER

__all__ = ["PACKAGED", "Schema", "SchemaStore", "named_types", "of_name", "parse_schema"]

PACKAGED = Path(__file__).parent
MOST_INNER_FIELDS = 1000
"""Values inside nested records that are found by name: a type that is used in several places
multiplies them."""


@dataclass(frozen=True)
class Schema:
    """A record schema.

    Attributes
    ----------
    avro
        The schema as parsed from JSON.
    source
        The file or place that it comes from, for error messages.
    nested
        A model's fields inside nested records, by their dotted names; see ``with_names``.
    """

    avro: Mapping[str, Any]
    source: str = field(compare=False, default="")
    nested: Mapping[str, str] = field(compare=False, default_factory=dict)

    def with_names(self, names: FieldNames) -> Schema:
        """Return the schema with its fields renamed to a model's names, for a reader of records.

        A value inside nested records is found by its dotted name, as in JSON.

        Raises
        ------
        InvalidEventError
            Two names may be the same field, or one name two fields.
        """
        paths = self.inner_fields if names.has_paths else {}
        found = {name: field for field, name in names.find((*self.fields, *paths)).items()}
        nested = {path: found[path] for path in paths if path in found}
        if not nested and all(found.get(name, name) == name for name in self.fields):
            return self
        fields = [
            {**entry, "name": found.get(entry["name"], entry["name"])}
            for entry in self.avro["fields"]
        ]
        return replace(self, avro={**self.avro, "fields": fields}, nested=nested)

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
        """The schema as fastavro parses it: names resolved, logical types under a key of our own.

        So time stamps stay integers, and decimals bytes, as on the wire.
        """
        return fastavro.parse_schema(_plain(self.avro))

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO of the parsing canonical form: 8 bytes, little-endian, as on the wire."""
        # fastavro rejects a wrong logical type; the specification says to ignore it.
        canonical = to_parsing_canonical_form(_plain(self.avro))
        return bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))

    @cached_property
    def header(self) -> bytes:
        """The first 10 bytes of a single-object encoding with this schema."""
        return AVRO_MARKER + self.fingerprint

    @cached_property
    def fields(self) -> dict[str, Any]:
        """Each field's parsed type by name, with names of types replaced by the types."""
        named = named_types(self.parsed)
        return {
            entry["name"]: [of_name(branch, named) for branch in entry["type"]]
            if isinstance(entry["type"], list)
            else of_name(entry["type"], named)
            for entry in self.parsed["fields"]
        }

    @cached_property
    def inner_fields(self) -> dict[str, Any]:
        """Parsed types of the values inside nested records, by dotted name."""
        named = named_types(self.parsed)
        inner = (_inner_fields(name, of, named, 1) for name, of in self.fields.items())
        return dict(islice(chain.from_iterable(inner), MOST_INNER_FIELDS))

    @cached_property
    def unlike(self) -> dict[str, tuple[Meaning, Any]]:
        """Fields whose stored values differ from their meaning, such as microseconds, by name.

        Each with the meaning of its type, and the type.
        """
        found = {}
        for name, avro_type in self.fields.items():
            for branch in avro_type if isinstance(avro_type, list) else [avro_type]:
                meaning = meaning_of(branch)
                if meaning is not None and meaning.unit not in ("ms", "string"):
                    found[name] = meaning, branch
        return found

    def require_lead(self) -> None:
        """Check that leads can have this schema.

        Raises
        ------
        InputError
            It has no string or UUID ``lead_id``, or no ``created_at`` that is a long, a date or a
            string.
        """
        for name, allowed, is_allowed in (
            ("lead_id", "string", _is_id),
            ("created_at", "long or string", _is_time),
        ):
            found = self.fields.get(name, "no such field")
            branches = found if isinstance(found, list) else [found]
            if not any(map(is_allowed, branches)):
                labels = " or ".join(map(type_label, branches))
                other = None if name in self.fields else misnamed(name, self.fields)
                raise InputError(
                    f"{self.source or self.full_name}: a lead's schema needs a field {name} of type"
                    f" {allowed}, found {labels}: {f'rename {other}' if other else 'add it'}"
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
            A folder is missing, or a file is not a record schema.
        """
        store = cls()
        for folder in (PACKAGED, *map(Path, folders)):
            if not folder.is_dir():
                raise StartupError(
                    f"expected a folder of Avro schemas (*.avsc) at {folder}, but there is none:"
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
        """Add a schema; adding it again changes nothing.

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
        """Return the schema with a fingerprint of 8 bytes; None if it is unknown."""
        return self._by_fingerprint.get(fingerprint)

    def by_name(self, name: str) -> Schema | None:
        """Return the last added schema of a name, with or without namespace; None if unknown."""
        return self._by_name.get(name)

    def lead_contracts(self) -> list[Schema]:
        """Return the schemas that leads can have."""
        return [schema for schema in self if _is_lead(schema)]

    def __iter__(self) -> Iterator[Schema]:
        return iter(self._by_fingerprint.values())


def parse_schema(avro: Any, source: str = "") -> Schema:
    """Return a schema after checking that its records can be read safely.

    Raises
    ------
    InputError
        It is not a record schema, or exceeds the limits in ``schemas.schema_limits``: a few bytes
        of such data could exhaust a reader's stack or make it loop forever.
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
    except Exception as error:  # fastavro raises exceptions of any class here
        is_told = isinstance(error, SchemaParseException | UnknownType | ValueError)
        why = str(error) if is_told else repr(error)
        raise InputError(f"{where} is not a usable Avro schema: {why}") from None
    return schema


def of_name(avro_type: Any, named: Mapping[str, Any]) -> Any:
    """Return the type with a name; a type that is no name is returned unchanged."""
    name = avro_type.get("type") if isinstance(avro_type, Mapping) else avro_type
    return named.get(name, avro_type) if isinstance(name, str) else avro_type


def named_types(avro_type: Any) -> dict[str, Any]:
    """Return the types that are defined inside a type, by name."""
    if isinstance(avro_type, list):
        parts = avro_type
    elif isinstance(avro_type, Mapping):
        fields = [entry["type"] for entry in avro_type.get("fields", ())]
        parts = [avro_type[key] for key in ("items", "values") if key in avro_type] + fields
    else:
        return {}
    is_named = isinstance(avro_type, Mapping) and "name" in avro_type
    found = {avro_type["name"]: avro_type} if is_named else {}
    for part in parts:
        found |= named_types(part)
    return found


def _inner_fields(
    path: str, avro_type: Any, named: Mapping[str, Any], depth: int
) -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the type of each value inside a record, or a union with one."""
    for branch in avro_type if isinstance(avro_type, list) else [avro_type]:
        record = of_name(branch, named)
        if depth >= DEEPEST or not isinstance(record, Mapping) or record["type"] != "record":
            continue
        for entry in record["fields"]:
            inner, found = f"{path}.{entry['name']}", entry["type"]
            branches = found if isinstance(found, list) else [found]
            types = [of_name(part, named) for part in branches]
            yield inner, types if isinstance(found, list) else types[0]
            yield from _inner_fields(inner, found, named, depth + 1)


def _is_lead(schema: Schema) -> bool:
    try:
        schema.require_lead()
    except InputError:
        return False
    return True


def _is_id(branch: Any) -> bool:
    meaning = meaning_of(branch)
    return type_name(branch) == "string" or (meaning is not None and meaning.what == "uuid")


def _is_time(branch: Any) -> bool:
    meaning = meaning_of(branch)
    if meaning is not None:
        return meaning.what == "time"
    return type_name(branch) in ("long", "string")


def _plain(node: Any) -> Any:
    """Copy a schema without documentation, logical types under a key that fastavro ignores."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    kept = {key: value for key, value in node.items() if key not in ("logicalType", "doc")}
    if "logicalType" in node:
        kept[KEPT] = node["logicalType"]
    for key in ("type", "items", "values"):
        if key in kept:
            kept[key] = _plain(kept[key])
    if isinstance(kept.get("fields"), list):
        kept["fields"] = [_plain_field(entry) for entry in kept["fields"]]
    if set(kept) == {"type"}:  # {"type": "long"} is "long"
        return kept["type"]
    if isinstance(kept.get("type"), Mapping):  # {"type": {"type": "long"}, …}
        return {**kept, **kept["type"]}
    return kept


def _plain_field(entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    kept = {key: value for key, value in entry.items() if key != "doc"}
    return {**kept, "type": _plain(kept["type"])} if "type" in kept else kept
