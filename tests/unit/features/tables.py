"""Tables from text, and their cells."""

from __future__ import annotations

from typing import Any

from features.table import Table
from features.table_file import parse_table
from schemas.fields import FieldKind

NUMBER, CATEGORY, DATE = FieldKind.NUMBER, FieldKind.CATEGORY, FieldKind.DATE


def table(content: str | bytes, encoding: str | None = None) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    return parse_table(raw, "leads.csv", encoding)


def strings(parsed: Table, name: str) -> Any:
    return parsed.columns_for({name: CATEGORY})[name]
