"""Fields of a lead from the properties of a CRM's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.store import Schema

__all__ = ["ContactFields"]

NUMBERS = frozenset({"int", "long", "float", "double"})
TRUTHS = {"true": True, "false": False}


class ContactFields:
    """Maps properties to fields; CRMs send all values as text, a contract has numbers.

    Parameters
    ----------
    properties
        Property of each field.
    contract
        The schema of leads.
    """

    def __init__(self, properties: Mapping[str, str], contract: Schema) -> None:
        self._properties = properties
        self._types = {
            name: _types_of(contract.fields[name]) if name in contract.fields else frozenset()
            for name in properties
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The properties."""
        return tuple(self._properties.values())

    def of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a record; a value that does not fit stays text, for the worker.

        Parameters
        ----------
        record
            Values by property; a property that is missing or empty gives null.
        """
        return {field: self._value(field, record.get(to)) for field, to in self._properties.items()}

    def _value(self, field: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not text:
            return None
        types = self._types[field]
        if types & NUMBERS:
            try:
                return float(text)
            except ValueError:
                return value
        if "boolean" in types:
            return TRUTHS.get(text.lower(), value)
        return value


def _types_of(avro_type: Any) -> frozenset[str]:
    branches = avro_type if isinstance(avro_type, list) else [avro_type]
    # A logical type, such as a time, is no number to its reader.
    return frozenset(branch for branch in branches if isinstance(branch, str))
