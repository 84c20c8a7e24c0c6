"""`leadscore drift`: drift of the leads and the scores against the training data."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import click
from rich.console import RenderableType
from rich.live import Live

from stream.cli.drift_board import DriftBoard, chosen_horizon, report_line
from stream.cli.output import console, print_json
from stream.drift.status import DriftStatus, reports
from stream.process.exit_codes import EXIT_STOPPED, exit_codes
from stream.settings import load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["drift"]

WIDTH_IN_A_PIPE = 120
LEFT_OUT = ("codes", "counts")
"""Keys of a report that JSON omits, as they mean nothing without the model's bins."""


@click.group()
def drift() -> None:
    """Show how far leads and scores are from the training data.

    \b
      leadscore drift status --watch

    It reads the reports of `leadscore worker --role drift`: see docs/drift.md.
    """  # noqa: D301


@drift.command()
@click.option("--watch", is_flag=True, help="Keep running, and show each new report.")
@click.option(
    "--horizon",
    metavar="5m|1h|24h",
    help="Span to show, such as 24h.  [default: the longest with enough leads]",
)
@click.option(
    "--fields",
    type=click.IntRange(min=0),
    help="Number of fields to show.  [default: as many as fit on the screen]",
)
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each report.")
def status(watch: bool, horizon: str | None, fields: int | None, as_json: bool) -> None:
    """Show the drifted fields, how far they have drifted and since when.

    It also shows what to do.

    \b
      leadscore drift status
      leadscore drift status --watch
      leadscore drift status --horizon 1h --fields 50
      leadscore drift status --json | jq .window.horizons[-1].diagnosis

    All times are event times, UTC. The bar shows PSI minus the expected sampling noise; thresholds
    use this value: a third of the bar is a warning, two thirds are critical. Changes of missing and
    unseen values are in percentage points.

    Exit codes: 0 shown, or there is no report yet; 2 an option is invalid; 3 Kafka or the topic is
    missing; 130 stopped by Ctrl-C.
    """  # noqa: D301
    with exit_codes():
        code = asyncio.run(_Watching(horizon, fields, as_json=as_json).run(watch))
    raise SystemExit(code)


class _Watching:
    """One run of the command.

    Parameters
    ----------
    horizon, fields, as_json
        The options.
    """

    def __init__(self, horizon: str | None, fields: int | None, *, as_json: bool) -> None:
        self._settings = settings = load_settings()
        self._horizon = horizon
        self._as_json = as_json
        self._status = DriftStatus(settings.leads_created)
        self._board = DriftBoard(self._status, settings.leads_drift, horizon=horizon, fields=fields)
        self._console = console(WIDTH_IN_A_PIPE)

    async def run(self, watch: bool) -> int:
        """Read and show the reports; return the exit code."""
        async with aclosing(reports(self._settings)) as coming:
            for report in await anext(coming):
                self._status.take(report)
            self._check_horizon()
            if not watch:
                self._say()
                return 0
            with stop_on_signals() as stop, self._screen() as show:
                async for new in coming:
                    if stop.is_set():
                        break
                    show([report for report in new if self._status.take(report)])
        return EXIT_STOPPED

    def _check_horizon(self) -> None:
        """Raise an InputError if the reports have no such horizon."""
        if self._status.window is not None:
            chosen_horizon(self._status.window, self._horizon)

    @contextmanager
    def _screen(self) -> Iterator[Callable[[Sequence[Mapping[str, Any]]], None]]:
        """Show the status; yield a function that shows new reports."""
        if not self._console.is_terminal or self._as_json:
            self._say()
            yield self._say_new
            return
        # aiokafka logs every failed attempt to reach a broker, which would disturb the screen.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        with Live(get_renderable=self._render, console=self._console, auto_refresh=False) as live:
            yield lambda _: live.refresh()

    def _render(self) -> RenderableType:
        return self._board.render(self._console, round(time.time() * 1000))

    def _say(self) -> None:
        if self._as_json:
            print_json(self._record())
        else:
            self._console.print(self._render())

    def _say_new(self, news: Sequence[Mapping[str, Any]]) -> None:
        if news and self._as_json:
            self._say()
            return
        for report in news:
            click.echo(report_line(report, self._horizon))

    def _record(self) -> dict[str, Any]:
        window = self._status.window
        if window is not None:
            horizons = window["horizons"]
            if self._horizon is not None:
                horizons = [chosen_horizon(window, self._horizon)]
            window = {**_without_counts(window), "horizons": horizons}
        alarms = [{**_without_counts(report), "horizons": []} for report in self._status.alarms]
        return {"window": window, "alarms": alarms}


def _without_counts(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in LEFT_OUT}
