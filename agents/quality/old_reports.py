"""Reports of weeks that are over: they are removed from the compacted topic leads.quality."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["old_reports"]

PARTS = 4
"""Parts of a report's key up to the week; a segment, or a change, may follow."""


def old_reports(
    keys: Iterable[bytes], topics: Iterable[str], first_weeks: Mapping[int, int]
) -> list[bytes]:
    """Return the keys of reports of weeks that are not reported any more.

    They are found by what the topic has, not by what a store had: a worker that lost its store
    knows nothing of weeks that its logs do not hold any more.

    Parameters
    ----------
    keys
        Keys of the reports that the topic has (``agents.quality.quality_report``).
    topics
        The topics of scores.
    first_weeks
        By partition of these topics, the first week that is still reported, in milliseconds since
        1970.
    """
    mine = {f"{topic}/{number}" for topic in topics for number in first_weeks}
    return [key for key in keys if _is_old(key, mine, first_weeks)]


def _is_old(key: bytes, mine: set[str], first_weeks: Mapping[int, int]) -> bool:
    topic, *parts = key.decode(errors="replace").split("/", PARTS)
    if len(parts) < PARTS - 1 or f"{topic}/{parts[0]}" not in mine:
        return False
    week = parts[2]
    return week.isdecimal() and int(week) < first_weeks[int(parts[0])]
