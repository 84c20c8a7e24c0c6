"""Screen of `leadscore drift status`: verdict, fields and alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.drift_reports import drifted_fields
from monitoring.drift.diagnosis import ADVICE, Diagnosis
from monitoring.drift.field_drift import DriftState, DriftThresholds
from monitoring.drift.power import VANISHING, detectable_psi
from schemas.display import record_for_terminal
from schemas.errors import InputError
from stream.cli.drift_screen import SUMMED_UP, as_date, drift_table, shown_state
from stream.drift.status import DriftStatus

__all__ = ["DriftBoard", "chosen_horizon", "report_line"]

LABEL = 9
"""Characters of the word before each line."""
ALARMS_SHOWN = 5
ALARMS_ON_A_LOW_SCREEN = 3
LOW = 32
"""Lines of a screen below which fewer alarms are shown."""
FEWEST_FIELDS = 3
AROUND_THE_FIELDS = 2 + SUMMED_UP
"""Lines of the table besides the fields: header, score, and the summary of omitted fields."""
SHA_SHOWN = 12
OVERDUE_WINDOWS, OVERDUE_MS = 3, 300_000
"""A report is overdue if both this many windows and this time have passed since the last one."""
UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
EXACT_BELOW = DriftThresholds().exact_below


class DriftBoard:
    """Shows the drift status.

    Parameters
    ----------
    status
        The status.
    topic
        Topic of the reports.
    horizon
        Horizon to show; None: the longest that has enough leads.
    fields
        Number of fields to show; None: as many as fit on the screen, or all without a terminal.
    """

    def __init__(
        self, status: DriftStatus, topic: str, *, horizon: str | None, fields: int | None
    ) -> None:
        self._status = status
        self._topic = topic
        self._horizon = horizon
        self._fields = fields

    def render(self, console: Console, now_ms: int) -> RenderableType:
        """Return the rendered status.

        Parameters
        ----------
        console
            The terminal; its height limits the fields, unless their number is given.
        now_ms
            Current time, milliseconds since 1970.

        Raises
        ------
        InputError
            There is no such horizon.
        """
        window = record_for_terminal(self._status.window)
        if window is None:
            return Text(
                f"{self._topic} has no report of a window yet. `leadscore worker --role drift`"
                " writes one when a window closes: five minutes of event time, unless"
                " LEADSCORE_DRIFT_WINDOW_SECONDS is set."
            )
        horizon = chosen_horizon(window, self._horizon)
        parts: list[RenderableType] = [_head(window, horizon, now_ms)]
        alarms = self._alarms(console, window["window_end"])
        if horizon["state"] != DriftState.TOO_FEW:
            parts.append(Text())
            fields = self._fields
            if fields is None and console.is_terminal:
                taken = sum(_height(console, part) for part in (*parts, *alarms))
                fields = _fitting(console.height - 1 - taken, len(horizon["fields"]) - 1)
            parts.append(drift_table(horizon, fields=fields))
        return Group(*parts, *alarms)

    def _alarms(self, console: Console, end: int) -> list[RenderableType]:
        is_low = console.is_terminal and console.height < LOW
        alarms = self._status.alarms[: ALARMS_ON_A_LOW_SCREEN if is_low else ALARMS_SHOWN]
        if not alarms:
            return []
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for name in ("alarms", "stream"):
            table.add_column(name, no_wrap=True)
        table.add_column()
        for report in record_for_terminal(alarms):
            alarm = report["alarm"]
            sentence = alarm["sentence"].removeprefix(f"{alarm['stream']}: ")
            table.add_row(
                as_date(report["window_end"], end),
                Text(alarm["stream"]),
                Text(sentence, no_wrap=True, overflow="ellipsis"),
            )
        return [Text(), table]


def chosen_horizon(window: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    """Return one horizon of a window's report.

    Parameters
    ----------
    window
        The record of drift_report.avsc.
    name
        Name of the horizon; None: the longest that has enough leads, or else the longest.

    Raises
    ------
    InputError
        There is no such horizon.
    """
    horizons: Sequence[Mapping[str, Any]] = window["horizons"]
    if name is None:
        known = [one for one in horizons if one["state"] != DriftState.TOO_FEW] or horizons
        return max(known, key=lambda one: one["end"] - one["start"])
    for horizon in horizons:
        if horizon["name"] == name:
            return horizon
    names = ", ".join(horizon["name"] for horizon in horizons)
    raise InputError(
        f"expected a horizon of the reports ({names}), not {name!r}: name one of these, or set"
        " LEADSCORE_DRIFT_HORIZONS for the drift worker"
    )


def report_line(report: Mapping[str, Any], name: str | None) -> str:
    """Return a report in one line.

    Parameters
    ----------
    report
        The record of drift_report.avsc.
    name
        Name of the horizon, as for `chosen_horizon`.
    """
    report = record_for_terminal(report)
    when = f"{_moment(report['window_end'])} {_model(report)}"
    if (alarm := report["alarm"]) is not None:
        return f"{when} alarm by {alarm['detector']}: {alarm['sentence']}"
    horizon = chosen_horizon(report, name)
    return f"{when} {horizon['name']}: {horizon['leads']:,} leads, {_verdict(report, horizon)}"


def _head(window: Mapping[str, Any], horizon: Mapping[str, Any], now_ms: int) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=LABEL, no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    grid.add_row(
        "Model", Text(f"{_model(window)} ({window['model_sha256'][:SHA_SHOWN]}) {window['topic']}")
    )
    grid.add_row("Window", _window(window, now_ms))
    grid.add_row("Horizons", _horizons(window, horizon))
    grid.add_row(
        Text(horizon["name"]), Text(f"{horizon['leads']:,} leads, ") + _verdict(window, horizon)
    )
    if horizon["state"] != DriftState.TOO_FEW:
        grid.add_row("Scores", _scores(horizon))
        advice = ADVICE[Diagnosis(horizon["diagnosis"])]
        words = horizon["diagnosis"].replace("_", " ").capitalize()
        grid.add_row(
            "Diagnosis", Text(f"{words}: {advice.sentence} (docs/runbook.md#{advice.section})")
        )
    return grid


def _model(window: Mapping[str, Any]) -> str:
    return f"{window['model_id']}/{window['model_version']}"


def _window(window: Mapping[str, Any], now_ms: int) -> Text:
    start, end, reported_at = (window[n] for n in ("window_start", "window_end", "reported_at"))
    text = Text(
        f"{_moment(start)} to {_until(start, end)} UTC, {window['leads']:,} leads, reported"
        f" {_span(now_ms - reported_at)} ago"
    )
    if now_ms - reported_at > OVERDUE_WINDOWS * (end - start) + OVERDUE_MS:
        text.append(": the next is overdue. Check the producers and the drift worker", "yellow")
    return text


def _horizons(window: Mapping[str, Any], chosen: Mapping[str, Any]) -> Text:
    texts = []
    for horizon in window["horizons"]:
        name = Text().append(horizon["name"], "underline" if horizon is chosen else "")
        texts.append(name.append(" ").append(shown_state(horizon["state"])))
    return Text("  ").join(texts)


def _verdict(window: Mapping[str, Any], horizon: Mapping[str, Any]) -> Text:
    text = shown_state(horizon["state"])
    if horizon["state"] == DriftState.TOO_FEW:
        is_longest = horizon is window["horizons"][-1]
        return text.append(" leads to assess drift: ").append(
            "wait for more" if is_longest else "see a longer horizon"
        )
    drifted, fields = drifted_fields(horizon)
    text.append(f": {drifted} of {fields} fields drifted")
    if drifted and horizon["weighted_share"] is not None:
        text.append(f", {horizon['weighted_share']:.0%} by importance")
    return text.append(_power(horizon))


def _power(horizon: Mapping[str, Any]) -> str:
    """Return the smallest PSI that a horizon of few leads can show; empty for many leads."""
    fields = [field for field in horizon["fields"] if field["psi_noise"] is not None]
    if horizon["leads"] >= EXACT_BELOW or not fields:
        return ""
    noise = max(field["psi_noise"] for field in fields)
    least = detectable_psi(noise, horizon["leads"], len(fields))
    return (
        f"; {horizon['leads']:,} leads: a PSI under about {least:.2f}"
        f" ({VANISHING * least:.2f} if rare values vanish) may go unnoticed"
    )


def _scores(horizon: Mapping[str, Any]) -> Text:
    text = Text(f"mean {horizon['engagement']:.1%} is ")
    if horizon["is_engagement_healthy"]:
        text.append("in the healthy range", "green")
    else:
        text.append("out of the healthy range", "yellow")
    if horizon["is_prediction_drift"]:
        text.append(", their distribution has ").append("drifted", "yellow")
    return text.append(f"; coverage {horizon['coverage']:.1%}")


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"


def _until(start: int, end: int) -> str:
    """Return the end of a window, without its date if that is the date of the start."""
    date, time = _moment(end).split()
    return time if _moment(start).startswith(date) else f"{date} {time}"


def _span(ms: int) -> str:
    seconds = max(0, ms // 1000)
    return next(
        (f"{seconds // length} {unit}" for unit, length in UNITS if seconds >= 2 * length),
        f"{seconds} s",
    )


def _height(console: Console, part: RenderableType) -> int:
    return len(console.render_lines(part, pad=False))


def _fitting(lines: int, fields: int) -> int:
    """Return how many fields fit; if all do, the line for omitted ones is not needed."""
    if fields <= lines - AROUND_THE_FIELDS + SUMMED_UP:
        return fields
    return max(FEWEST_FIELDS, lines - AROUND_THE_FIELDS)
