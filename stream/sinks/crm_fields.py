"""Properties of a CRM's record from a scored event, and whether they differ from those it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas.errors import StartupError
from stream.settings import PREFIX
from stream.sinks.rows import SCORE_FIELDS, score_row
from stream.sinks.sink import SinkRecord

__all__ = ["FIELDS", "ORDER", "CrmFields"]

ORDER = "order"
"""Field that orders the events of a lead: milliseconds since 1970 as text, since
times of Salesforce and Dynamics are whole seconds."""
DEFAULT = ("score", "category", "reasons", "scored_at", ORDER)
FIELDS = (*SCORE_FIELDS, "grade", "created_at", "scored_at", "reasons", ORDER)
"""Fields that can be written."""
OF_EACH_EVENT = frozenset(
    {"event_id", "request_id", "created_at", "scored_at", "latency_ms", "replay_id", ORDER}
)
"""Fields that differ in each event: alone they are no change worth a request."""
DECIMALS = 4
REASONS_CHARACTERS = 255
"""Longest text of Salesforce's shortest type of text field."""
TOLERANCE = 0.5 * 10**-DECIMALS


class CrmFields:
    """Maps fields of scored events to properties of a CRM.

    Parameters
    ----------
    given
        Property of each field; empty: the default fields.
    property_of
        Returns the default property of a field.

    Raises
    ------
    StartupError
        A field is none of scored events, two have the same property, or ``order`` has none.
    """

    def __init__(self, given: Mapping[str, str], property_of: Callable[[str], str]) -> None:
        self._properties = dict(given) or {field: property_of(field) for field in DEFAULT}
        unknown = sorted(self._properties.keys() - set(FIELDS))
        if unknown:
            raise StartupError(
                f"expected {PREFIX}CRM_FIELDS to name fields of scored events, but"
                f" {', '.join(unknown)} is none of {', '.join(FIELDS)}"
            )
        if ORDER not in self._properties or len(set(self._properties.values())) < len(
            self._properties
        ):
            raise StartupError(
                f"expected {PREFIX}CRM_FIELDS to give each field a property of its own, also the"
                f" field {ORDER}: without it an older score could replace a newer one"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The properties."""
        return tuple(self._properties.values())

    @property
    def by_field(self) -> Mapping[str, str]:
        """The property of each field."""
        return self._properties

    def of(self, record: SinkRecord) -> dict[str, Any]:
        """Return the properties of an event.

        Raises
        ------
        ValueError
            A field is missing or has a wrong type.
        """
        row = score_row(record)
        values = row | {
            "score": round(row["score"], DECIMALS),
            "created_at": _time(row["created_at"]),
            "scored_at": _time(row["scored_at"]),
            "reasons": _reasons(row["reasons"]),
            ORDER: str(int(record.event["scored_at"])),
        }
        return {to: values[field] for field, to in self._properties.items()}

    def is_to_write(self, new: Mapping[str, Any], found: Mapping[str, Any] | None) -> bool:
        """Return whether an event is newer than what a record has, and changes something.

        Parameters
        ----------
        new
            Properties of the event.
        found
            Those of the record; None if there is no record.
        """
        if found is None:
            return True
        order = str(found.get(self._properties[ORDER]) or "").partition(".")[0]
        if order.isdecimal() and int(order) > int(new[self._properties[ORDER]]):
            return False
        return any(
            not _is_same(new[to], found.get(to))
            for field, to in self._properties.items()
            if field not in OF_EACH_EVENT
        )


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def _reasons(reasons: Any) -> str:
    """Return the strongest reasons that fit, as one text."""
    text = ""
    for reason in reasons:
        one = f"{reason['feature']}: {reason['value']} ({reason['contribution']:+.2f})"
        joined = f"{text}; {one}" if text else one
        if len(joined) > REASONS_CHARACTERS:
            break
        text = joined
    return text


def _is_same(new: Any, found: Any) -> bool:
    """Return whether a CRM has a value; HubSpot returns all values as text."""
    if new in (None, "") or found in (None, ""):
        return new in (None, "") and found in (None, "")
    if isinstance(new, bool):
        return str(found).lower() == str(new).lower()
    if isinstance(new, int | float):
        try:
            return bool(abs(float(found) - new) < TOLERANCE)
        except (TypeError, ValueError):
            return False
    return str(new) == str(found)
