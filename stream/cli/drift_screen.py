"""How far each field of a horizon has drifted, as a table for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any, Literal

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from monitoring.drift.field_drift import DriftState, DriftThresholds

__all__ = ["STYLES", "SUMMED_UP", "PsiBar", "as_date", "drift_table", "shown_state"]

THRESHOLDS = DriftThresholds()
STYLES: Mapping[str, str] = {
    DriftState.TOO_FEW: "dim",
    DriftState.OK: "green",
    DriftState.WARN: "yellow",
    DriftState.CRITICAL: "bold red",
}
SUMMED_UP = 1
"""Lines below the table when fields are left out."""
SEVERITY = tuple(STYLES)
BAR = ""
WORDS = ("field", BAR, "test", "state", "since")
GIVING_WAY = ("field", BAR)
"""Columns that are made narrower where there is too little room."""
NONE = "-"
"""What is not known, or needs no figure."""
NARROWEST, WIDEST = 6, 24
"""Characters of a bar."""
OTHERS = 74
"""Characters of the other columns, where fields have names of a usual length."""
FULL = 1.5 * THRESHOLDS.psi_critical
"""Where a bar ends: a third of it is a warning, two thirds are critical."""
EIGHTHS = " ▏▎▍▌▋▊▉"
DAY_MS = 86_400_000
CERTAIN = 0.0005
"""A p-value that three digits would call 0."""
NOTHING = 0.0005
"""A change of a share that one digit of per cent would call 0."""
EVERYTHING = 0.9995
"""A change of a share that one digit of per cent would call 100."""


class PsiBar:
    """A bar as long as a field's PSI, less its noise; as wide as there is room for.

    Parameters
    ----------
    drift
        A record ``field_drift`` of a drift report.
    """

    def __init__(self, drift: Mapping[str, Any]) -> None:
        self._share = min(1.0, _excess(drift) / FULL)
        self._style = STYLES[drift["state"]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        eighths = ceil(8 * options.max_width * self._share)
        whole, rest = divmod(eighths, 8)
        bar = "#" * ceil(eighths / 8) if options.ascii_only else "█" * whole + EIGHTHS[rest].strip()
        yield Text(bar, self._style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        is_given = options.max_width <= WIDEST  # else this is the room of the table
        width = options.max_width if is_given else options.max_width - OTHERS
        return Measurement(NARROWEST, max(NARROWEST, min(width, WIDEST)))


def drift_table(horizon: Mapping[str, Any], *, fields: int | None) -> Table:
    """Show the fields of a horizon, those in the worst state first, and the score below.

    Parameters
    ----------
    horizon
        A record ``horizon`` of a drift report.
    fields
        How many fields to show at most, beside the score; None: all. Those that are left out are
        summed up in one line.

    Returns
    -------
    Table
        80 characters wide at least.
    """
    *drifts, score = horizon["fields"]
    drifts.sort(key=lambda drift: (SEVERITY.index(drift["state"]), _excess(drift)), reverse=True)
    shown, left_out = drifts[:fields], drifts[len(drifts[:fields]) :]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, caption_justify="left")
    for name in ("field", "PSI", BAR, "KL", "test", "p", "missing", "unseen", "state", "since"):
        justify: Literal["left", "right"] = "left" if name in WORDS else "right"
        table.add_column(name, justify=justify, no_wrap=name not in GIVING_WAY)
    for drift in shown:
        table.add_row(*_row(drift, horizon["end"]), end_section=drift is shown[-1])
    table.add_row(*_row(score, horizon["end"]))
    if left_out:
        table.caption = Text(_sum_up(left_out), "dim")
    return table


def shown_state(state: str) -> Text:
    """Write a state in its colour."""
    return Text().append(state.replace("_", " "), STYLES[state])


def as_date(ms: int, end: int) -> str:
    """Write a time, UTC: its hour and minute where it is of the day before the end, else its date.

    Parameters
    ----------
    ms, end
        Milliseconds since 1970.
    """
    is_recent = end - DAY_MS < ms <= end
    return f"{datetime.fromtimestamp(ms / 1000, UTC):{'%H:%M' if is_recent else '%Y-%m-%d'}}"


def _row(drift: Mapping[str, Any], end: int) -> tuple[Text | str | PsiBar, ...]:
    p = drift["p_value"] if drift["is_score"] else drift["p_adjusted"]
    style = "bold" if drift["is_drifted"] or drift["is_score"] else ""
    return (
        Text(drift["name"], style, no_wrap=True, overflow="ellipsis"),
        _number(drift["psi"]),
        PsiBar(drift),
        _number(drift["kl"]),
        str(drift["test"]),
        _p_value(p),
        _change(drift["missing"], drift["missing_reference"], THRESHOLDS.missing_change),
        _change(drift["unseen"], drift["unseen_reference"], THRESHOLDS.unseen_change),
        shown_state(drift["state"]),
        NONE if drift["since"] is None else as_date(drift["since"], end),
    )


def _excess(drift: Mapping[str, Any]) -> float:
    """PSI as it is judged: without what leads that are as ever would have."""
    return 0.0 if drift["psi"] is None else max(0.0, float(drift["psi"] - drift["psi_noise"]))


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _p_value(p: float | None) -> str:
    if p is None:
        return NONE
    return "<.001" if p < CERTAIN else f"{p:.3f}".removeprefix("0")


def _change(now: float | None, reference: float | None, surge: float) -> Text:
    """Write by how much a share has changed, in points of per cent."""
    if now is None or reference is None:
        return Text(NONE)
    change = now - reference
    if abs(change) < NOTHING:
        return Text("0")
    digits = 0 if abs(change) >= EVERYTHING else 1
    return Text(f"{change:+.{digits}%}", "red" if change > surge else "")


def _sum_up(drifts: Iterable[Mapping[str, Any]]) -> str:
    states = Counter(drift["state"] for drift in drifts)
    said = [f"{states[state]} {state.replace('_', ' ')}" for state in reversed(SEVERITY)]
    counted = ", ".join(words for words in said if not words.startswith("0 "))
    return f"and {states.total()} more: {counted}"
