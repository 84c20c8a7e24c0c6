"""Reasons of a score in words, for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["reason_sentence"]

AT = re.compile(r"(?<=[^\W_])(?:[\s_]+[Aa][Tt]|(?<=[a-z])At)$")
"""The end of a name such as created_at, "Created At" or createdAt."""
PREPOSITIONS = ("at ", "on ", "in ")
"""Prefixes of the labels of a date's hour, weekday or day, and month."""


def reason_sentence(reasons: Iterable[Mapping[str, Any]]) -> str:
    """Return the reasons of a score as one line.

    Parameters
    ----------
    reasons
        As in a scored event: ``feature``, ``value``, and ``contribution`` to the logit.

    Examples
    --------
    >>> hour = {"feature": "created_at", "value": "at 10 h", "contribution": 0.472}
    >>> note = {"feature": "note", "value": "has 'pricing'", "contribution": -0.2}
    >>> reason_sentence([hour, note])
    "created at 10 h (+0.47), note has 'pricing' (-0.20)"
    """
    return ", ".join(
        f"{_name(reason['feature'], reason['value'])} {reason['value']} "
        f"({reason['contribution']:+.2f})"
        for reason in reasons
    )


def _name(feature: str, value: str) -> str:
    """Return a field's name without the "at" that its value says itself: no "created_at at"."""
    return AT.sub("", feature) if value.startswith(PREPOSITIONS) else feature
