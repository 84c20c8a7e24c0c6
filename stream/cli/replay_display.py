"""Display of a replay: a bar on a terminal, else lines of JSON; and its account at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import TaskProgressColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from schemas.display import for_terminal
from stream.cli.output import console, print_json
from stream.process.progress_bar import ProgressBar
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.replay.runner import Progress as RangeProgress
from stream.replay.throttle import Throttle
from stream.replay.trial import Estimate

__all__ = [
    "ReplayDisplay",
    "account_lines",
    "print_account",
    "print_estimate",
    "print_replays",
]

LINE_EVERY = 5.0
"""Seconds between two lines of JSON."""
WIDE = 140
"""Columns of a terminal whose bar has room for a sentence."""
FILE_WIDTH = 160
"""Columns of a table that is not printed on a terminal."""
ALL_COLUMNS = 110
"""Columns of a terminal that has room for the whole account; else counts of 0 are left out."""
STATES: Mapping[State, str] = {
    "planned": "not done: `leadscore replay resume {0}` continues, unless a process executes it",
    "ended": "done",
    "cancelled": "cancelled: what was written stays in its topics",
}
"""Meaning of the state of a replay; {0} is its id."""
LISTED: Mapping[str, Literal["left", "right"]] = {
    "id": "left",
    "state": "left",
    "planned": "left",
    "offsets": "right",
    "model": "left",
    "output": "left",
}
"""Columns of the list of replays."""


class ReplayDisplay(ProgressBar):
    """Shows how far a replay is.

    Parameters
    ----------
    plan
        The plan.
    console
        Standard error.
    is_json
        Whether to print lines of JSON on standard output, and no bar.
    clock
        Seconds of a monotonic clock.
    """

    def __init__(
        self,
        plan: ReplayPlan,
        console: Console,
        *,
        is_json: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            f"replay {plan.id}",
            console,
            *(TaskProgressColumn(), "rate", TimeRemainingColumn(), "partitions"),
            is_shown=not is_json,
        )
        self._plan = plan
        self._is_json = is_json
        self._clock = clock
        self._seen: tuple[float, int] | None = None
        self._printed = clock() - LINE_EVERY
        self._rate = 0.0
        self._is_wide = console.width >= WIDE

    def __call__(self, progress: Sequence[RangeProgress], throttle: Throttle | None) -> None:
        """Show the progress of ranges; there is none until the replay has connected."""
        if not progress:
            self.update(rate="starting")
            return
        done = sum(each.account.offsets for each in progress)
        total = sum(each.range.offsets for each in progress)
        now = self._clock()
        if self._seen is None:
            self._seen = now, done
        elif now > self._seen[0]:
            self._rate = (done - self._seen[1]) / (now - self._seen[0])
        over = sum(each.is_done for each in progress)
        reason = throttle.yields_to if throttle else None
        self.update(
            completed=done,
            total=total,
            rate=f"{self._rate:,.0f}/s" + self._yields(reason),
            partitions=f"{over} of {len(progress)} partitions",
        )
        is_over = over == len(progress)
        if self._is_json and (now - self._printed >= LINE_EVERY or is_over):
            self._printed = now
            left = total - done
            print_json(
                {
                    "event": "progress",
                    "replay_id": self._plan.id,
                    "done": done,
                    "offsets": total,
                    "rate": round(self._rate, 1),
                    "eta_seconds": round(left / self._rate, 1) if self._rate else None,
                    "partitions_done": over,
                    "partitions": len(progress),
                    "yields_to": reason,
                    **asdict(Account.total(each.account for each in progress)),
                }
            )

    def _yields(self, reason: str | None) -> str:
        """Return that the replay yields, and why if there is room; the log has the reason."""
        if reason is None:
            return ""
        return f", yields: {reason}" if self._is_wide else ", yields"


def account_lines(progress: Sequence[RangeProgress]) -> list[dict[str, Any]]:
    """Return the account of each range as JSON objects."""
    return [
        {
            "partition": each.range.partition,
            "start": each.range.start,
            "end": each.range.end,
            "offset": each.offset,
            "read": each.account.records + each.account.expired,
            **asdict(each.account),
            "is_balanced": each.is_balanced,
        }
        for each in progress
    ]


def print_account(
    plan: ReplayPlan, progress: Sequence[RangeProgress], record: ReplayRecord | None = None
) -> None:
    """Print the account of a replay by partition, as a table on standard output.

    Parameters
    ----------
    plan, progress
        The replay.
    record
        Its latest record, for a line about its state; None: no such line.
    """
    table = Table(box=None, title_justify="left")
    lines = account_lines(progress)
    screen = _console()
    counts = ("dead_lettered", "filtered", "dropped", "expired", "gaps")
    columns = ["read", "scored"] + [
        name for name in counts if screen.width >= ALL_COLUMNS or any(line[name] for line in lines)
    ]
    for name in ("partition", "offsets", *columns):
        table.add_column(name.replace("_", "-"), justify="right", no_wrap=name != "offsets")
    for line in lines:
        span = f"{line['start']:,} to {line['offset']:,} of {line['end']:,}"
        table.add_row(str(line["partition"]), span, *(f"{line[name]:,}" for name in columns))
    if len(lines) > 1:
        table.add_row("all", "", *(f"{sum(line[name] for line in lines):,}" for name in columns))
    click.echo(
        for_terminal(
            f"replay {plan.id}: {plan.archive or plan.topic} to {plan.out}, model"
            f" {plan.model_id}/{plan.model_version} ({plan.model_sha256[:12]})"
        )
    )
    if record is not None:
        _print_state(record, progress)
    screen.print(table)


def _print_state(record: ReplayRecord, progress: Sequence[RangeProgress]) -> None:
    done = sum(each.offset - each.range.start for each in progress)
    share = done / max(record.plan.offsets, 1)
    click.echo(
        for_terminal(
            f"{done:,} of {record.plan.offsets:,} offsets ({share:.1%}), planned"
            f" {_moment(record.plan)}; {STATES[record.state].format(record.plan.id)}"
        )
    )


def print_replays(records: Sequence[ReplayRecord]) -> None:
    """Print a line for each replay."""
    if not records:
        click.echo("there is no replay yet; `leadscore replay start` begins one", err=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in LISTED.items():
        table.add_column(name, justify=justify, no_wrap=name != "output", overflow="fold")
    for record in records:
        plan = record.plan
        model = f"{plan.model_id}/{plan.model_version}"
        cells = (plan.id, record.state, _moment(plan), f"{plan.offsets:,}", model, plan.out)
        table.add_row(*(Text(for_terminal(cell)) for cell in cells))
    _console().print(table)


def _moment(plan: ReplayPlan) -> str:
    return f"{plan.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _console() -> Console:
    return console(FILE_WIDTH)


def print_estimate(plan: ReplayPlan, estimate: Estimate, max_rate: float | None = None) -> None:
    """Print what a replay would do, at most at a rate in records a second."""
    dead = sum(estimate.dead_letters.values())
    codes = ", ".join(f"{count} {code}" for code, count in sorted(estimate.dead_letters.items()))
    slowed = f"; {estimate.records / max_rate:,.0f} s at --max-rate" if max_rate else ""
    for line in (
        f"Range    {estimate.offsets:,} offsets in {len(plan.ranges)} of {plan.partitions}"
        f" partitions of {plan.archive or plan.topic}; {estimate.expired:,} have expired",
        f"Model    {plan.model_id}/{plan.model_version}, sha256 {plan.model_sha256}",
        f"Writes   {plan.out} and {plan.dead_letters}",
        f"Sample   {estimate.sampled:,} records: {estimate.scored:,} would be scored,"
        f" {estimate.filtered:,} left out, {dead:,} dead letters{f' ({codes})' if codes else ''}",
        f"Whole    about {estimate.events:,} events and {estimate.letters:,} dead letters; reads"
        f" {estimate.bytes_read / 1e6:,.1f} MB, writes {estimate.bytes_written / 1e6:,.1f} MB;"
        f" {estimate.seconds:,.1f} s of scoring in one process{slowed}",
        "Nothing was written",
    ):
        click.echo(for_terminal(line))
