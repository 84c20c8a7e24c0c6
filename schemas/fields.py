"""What a field's values are, and which Avro types can hold them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["FieldKind"]


class FieldKind(StrEnum):
    """What a field's values are, before they are features."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
