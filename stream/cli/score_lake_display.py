"""Display of a backfill: its plan, a bar on a terminal or lines of JSON, and its account."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import click
from rich.console import Console
from rich.progress import TaskProgressColumn, TimeRemainingColumn

from lake.plan import Account, PartAccount, Plan
from schemas.display import counted, for_terminal
from stream.cli.output import print_json
from stream.process.progress_bar import ProgressBar

__all__ = ["BackfillDisplay", "print_account", "print_plan"]

SHOWN_FILES = 5
LINE_EVERY = 5.0
"""Seconds between two lines of JSON about progress."""


class BackfillDisplay(ProgressBar):
    """Shows how far a backfill is.

    Parameters
    ----------
    plan
        The plan.
    numbers
        The parts that are scored here.
    done
        Those of them that are complete already.
    console
        Standard error.
    is_json
        Whether to print lines of JSON on standard output, and no bar.
    clock
        Seconds of a monotonic clock.
    """

    def __init__(
        self,
        plan: Plan,
        numbers: Sequence[int],
        done: Collection[int],
        console: Console,
        *,
        is_json: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        model = for_terminal(f"{plan.model.name}/{plan.model.version}")
        self._total = sum(plan.parts[number].rows for number in numbers)
        super().__init__(
            f"score by {model}",
            console,
            *(TaskProgressColumn(), "rate", TimeRemainingColumn(), "parts"),
            total=self._total,
            is_shown=not is_json,
        )
        self._is_json = is_json
        self._clock = clock
        self._started = self._printed = clock()
        self._before = self._rows = sum(plan.parts[number].rows for number in done)
        self._parts, self._all = len(done), len(numbers)
        self.update(completed=self._rows)

    def on_rows(self, count: int) -> None:
        """Count rows that were scored."""
        self._rows += count
        rate = self._rate()
        self.update(
            completed=self._rows,
            rate=f"{rate:,.0f} rows/s",
            parts=f"{self._parts} of {self._all} files",
        )
        now = self._clock()
        if self._is_json and now - self._printed >= LINE_EVERY:
            self._printed = now
            left = self._total - self._rows
            print_json(
                {
                    "event": "progress",
                    "rows": self._rows,
                    "of": self._total,
                    "rate": round(rate, 1),
                    "eta_seconds": round(left / rate, 1) if rate else None,
                }
            )

    def on_part(self, account: PartAccount) -> None:
        """Count a part that is complete."""
        self._parts += 1
        if self._is_json:
            print_json({"event": "part", **account.model_dump()})

    def _rate(self) -> float:
        seconds = self._clock() - self._started
        return (self._rows - self._before) / seconds if seconds > 0 else 0.0


def print_plan(plan: Plan, numbers: Sequence[int], done: Collection[int], *, is_json: bool) -> None:
    """Print what is read, by which model, and into how many files."""
    rows = sum(plan.parts[number].rows for number in numbers)
    if is_json:
        print_json(
            {
                "event": "plan",
                "model": plan.model.model_dump(),
                "delta_versions": plan.delta_versions,
                "files": len(plan.files),
                "bytes": sum(file.size for file in plan.files),
                "rows": rows,
                "parts": len(numbers),
                "done": len(done),
            }
        )
        return
    size = sum(file.size for file in plan.files)
    read, written = counted(len(plan.files), "file"), counted(len(numbers), "file")
    click.echo(f"Read     {read} of {size / 1e6:,.0f} MB, {plan.rows:,} rows")
    for file in plan.files[:SHOWN_FILES]:
        click.echo(for_terminal(f"         {file.url} ({file.rows:,} rows)"))
    if len(plan.files) > SHOWN_FILES:
        click.echo(f"         and {len(plan.files) - SHOWN_FILES:,} more")
    for table, version in plan.delta_versions.items():
        click.echo(for_terminal(f"Delta    {table} at version {version}"))
    model = plan.model
    click.echo(for_terminal(f"Model    {model.name}/{model.version}, sha256 {model.sha256}"))
    click.echo(f"Write    {written} of {rows:,} rows, {len(done):,} of them written")


def print_account(plan: Plan, account: Account, out: str, written: int, *, is_json: bool) -> None:
    """Print the results of the rows.

    Parameters
    ----------
    plan, account
        The plan, and the account of the shards that were scored here.
    out
        The output folder.
    written
        Number of parts of all shards that are complete.
    is_json
        Whether to print a line of JSON.
    """
    planned = len(plan.parts)
    if is_json:
        counts = {"written": written, "planned": planned}
        print_json({"event": "account", **account.model_dump(exclude={"parts"}), **counts})
        return
    rejected = ", ".join(f"{count:,} {code}" for code, count in account.rejected.items())
    which = f" ({rejected}; {out.rstrip('/')}/_rejected has their rows)" if rejected else ""
    click.echo(
        for_terminal(
            f"{account.rows:,} rows: {account.scored:,} scored, {account.rows - account.scored:,}"
            f" rejected{which}"
        )
    )
    model = f"{plan.model.name}/{plan.model.version}"
    click.echo(for_terminal(f"{counted(len(account.parts), 'file')} by {model} in {out}"))
    if written < planned:
        click.echo(f"{written:,} of {planned:,} files of all shards are written: score the others")
