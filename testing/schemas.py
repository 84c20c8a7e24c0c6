"""The schemas that come with LeadScore, for code that knows that they are there."""

from __future__ import annotations

from functools import cache

from schemas.store import Schema, SchemaStore


@cache
def packaged_schema(name: str) -> Schema:
    """Return one of the packaged schemas: they are read once a process.

    Raises
    ------
    LookupError
        Where there is none of that name.
    """
    schema = SchemaStore.load().by_name(name)
    if schema is None:
        raise LookupError(f"expected the name of a packaged schema, got {name}")
    return schema
