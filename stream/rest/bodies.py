"""Bodies of requests: one lead, or up to 2,000 leads or ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from stream.rest.problems import Problem

__all__ = ["MOST_LEADS", "Batch", "read_batch", "read_lead"]

MOST_LEADS = 2000
"""Leads of a request."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The leads of a request, whole or by id.

    Attributes
    ----------
    leads
        Whole leads; empty if there are ids.
    ids
        Ids of leads in the lead store; empty if there are leads.
    """

    leads: Sequence[Mapping[str, Any]] = ()
    ids: Sequence[str] = ()


def read_lead(body: bytes) -> Mapping[str, Any]:
    """Read a lead.

    Raises
    ------
    Problem
        422: the body is no JSON object.
    """
    lead = _read(body)
    if not isinstance(lead, dict):
        raise _refused("a JSON object with the lead's fields")
    return lead


def read_batch(body: bytes) -> Batch:
    """Read leads or ids: an array of either, or an object with ``leads`` or ``lead_ids``.

    Raises
    ------
    Problem
        422: the body is something else; 413: it has too many.
    """
    found = _read(body)
    if isinstance(found, dict):
        if ("leads" in found) == ("lead_ids" in found):
            raise _refused("an object with either leads or lead_ids")
        found = found["leads"] if "leads" in found else _as_ids(found["lead_ids"])
    if not isinstance(found, list):
        raise _refused("an array of leads or of ids, or an object with leads or lead_ids")
    if len(found) > MOST_LEADS:
        raise Problem(
            413,
            "TOO_MANY_LEADS",
            f"expected at most {MOST_LEADS:,} leads, got {len(found):,}: send several requests",
        )
    if not found:
        raise _refused("at least one lead")
    if all(isinstance(lead, dict) for lead in found):
        return Batch(leads=found)
    return Batch(ids=_as_ids(found))


def _as_ids(found: Any) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(it, str) and it for it in found):
        raise _refused("all items to be leads (objects), or all to be ids (text, not empty)")
    return found


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(
            422, "DECODE", f"expected the body to be JSON, but at byte {error.pos}: {error.msg}"
        ) from None


def _refused(expected: str) -> Problem:
    return Problem(422, "VALIDATION", f"expected {expected}: see /docs")
