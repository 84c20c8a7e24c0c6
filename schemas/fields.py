"""The kinds of fields."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FieldKind"]


class FieldKind(StrEnum):
    """Kind of a field's values, before they become features."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
