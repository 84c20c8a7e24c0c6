"""Scored events as records to send: their headers, and the largest of them."""

from __future__ import annotations

from collections.abc import Sequence

from agents.records import Output
from schemas.headers import Headers
from schemas.scored_event import ScoredRows

try:
    from agents import _compiled
except ImportError:  # installed without a compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["PassedOn", "event_records", "largest_of"]

PassedOn = list[Sequence[tuple[str, bytes | None]]]


def event_records(
    rows: ScoredRows, values: list[bytes], shared: Headers, passed_on: PassedOn | None
) -> list[Output]:
    """Return the records of the scored topic, one a row.

    Parameters
    ----------
    rows
        Has the ids of the events.
    values
        The events as they are written.
    shared
        Headers of all events.
    passed_on
        For each event the headers that it has from its lead; None: no lead has any.
    """
    columns = rows.lead_ids, values, shared, rows.event_ids, rows.request_ids, passed_on
    return (_output_rows if _compiled is None else _compiled.output_rows)(*columns)


def largest_of(rows: Sequence[Output]) -> tuple[int, int]:
    """Return the bytes of the longest value of records, and the most headers of one; 0 if none."""
    if _compiled is not None and isinstance(rows, list):
        return _compiled.largest_of(rows)
    longest = max([len(value or b"") for _, value, _ in rows], default=0)
    return longest, max([len(headers) for _, _, headers in rows], default=0)


def _output_rows(
    keys: list[bytes],
    values: list[bytes],
    shared: Headers,
    event_ids: list[bytes],
    request_ids: list[bytes],
    passed_on: PassedOn | None,
) -> list[Output]:
    return [
        (key, value, [*shared, ("ce_id", event_id), ("x-request-id", request), *given])
        for key, value, event_id, request, given in zip(
            *(keys, values, event_ids, request_ids),
            passed_on or [()] * len(keys),
            strict=True,
        )
    ]
