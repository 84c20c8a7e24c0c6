"""Drift of each field of a horizon, as a table on the terminal."""

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
"""Lines below the table if fields are omitted."""
SEVERITY = tuple(STYLES)
BAR = ""
WORDS = ("field", BAR, "test", "state", "since")
GIVING_WAY = ("field", BAR)
"""Columns that shrink if the terminal is narrow."""
NONE = "-"
"""Placeholder for values that are unknown or not applicable."""
NARROWEST, WIDEST = 6, 24
"""Least and most characters of a bar."""
OTHERS = 74
"""Characters of the other columns, with field names of usual length."""
FULL = 1.5 * THRESHOLDS.psi_critical
"""PSI minus noise of a full bar: a third of it is a warning, two thirds are critical."""
EIGHTHS = " ▏▎▍▌▋▊▉"
DAY_MS = 86_400_000
CERTAIN = 0.0005
"""P-values below are 0 in three digits."""
NOTHING = 0.0005
"""Changes of a share below are 0 % in one digit."""
EVERYTHING = 0.9995
"""Changes of a share above are 100 % in one digit."""


class PsiBar:
    """A bar for a field's PSI minus noise, as wide as the terminal allows.

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
    """Return a table of a horizon's fields, the worst state first, and the score below.

    Parameters
    ----------
    horizon
        A record ``horizon`` of a drift report.
    fields
        Most fields to show besides the score; None: all. Omitted fields are summarised in a line.

    Returns
    -------
    Table
        At least 80 characters wide.
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
    """Return a state as coloured text."""
    return Text().append(state.replace("_", " "), STYLES[state])


def as_date(ms: int, end: int) -> str:
    """Return a time, UTC: hour and minute within a day before the end, else the date.

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
    """Return PSI minus the noise that is expected without drift."""
    return 0.0 if drift["psi"] is None else max(0.0, float(drift["psi"] - drift["psi_noise"]))


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _p_value(p: float | None) -> str:
    if p is None:
        return NONE
    return "<.001" if p < CERTAIN else f"{p:.3f}".removeprefix("0")


def _change(now: float | None, reference: float | None, surge: float) -> Text:
    """Return the change of a share in percentage points, as coloured text."""
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
