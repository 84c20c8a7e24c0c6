"""Run the contenders side by side: ``python -m benchmarks.run --events 400000 --repeats 3``.

Each run: the contender's process, pinned to one core, works off a backlog on real Kafka, which has
the other cores. Its CPU time and the number of scored events are sampled, and the figures are taken
in the middle of the backlog, so neither start-up nor the last wait counts. Runs are interleaved.
Every scored event is held against the score that its lead must have: a contender that computes
something else fails the run.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import click

from benchmarks.contenders import CONTENDERS
from benchmarks.place import Cores, Place, Run
from benchmarks.process_tree import pin
from benchmarks.report import machine, speed_table, stage_table
from benchmarks.stages import stage_costs
from stream.broker import open_broker


async def measure_speed(
    place: Place, names: list[str], count: int, repeats: int
) -> dict[str, list[Run]]:
    """Have each contender work off its backlog, so many times, in turn."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names:
            contender = CONTENDERS[name]
            run = await place.run(contender, round(count * contender.share))
            runs[name].append(run)
            click.echo(
                f"run {repeat + 1}/{repeats} {contender.name}: {run.events_per_second:,.0f}/s,"
                f" {run.events_per_cpu_second:,.0f} per CPU-second, {run.memory_mb:.0f} MB,"
                f" {run.checked.repeats} repeats, scores differ by at most"
                f" {run.checked.worst:.1g}",
                err=True,
            )
    return runs


@click.command()
@click.option("--events", "count", default=400_000, show_default=True, help="Backlog of a run.")
@click.option("--repeats", default=3, show_default=True)
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice(list(CONTENDERS)),
    help="Only these contenders; may be repeated.",
)
@click.option("--reasons", is_flag=True, help="Have the other contenders write reasons, too.")
def main(count: int, repeats: int, names: tuple[str, ...], reasons: bool) -> None:
    """Run the contenders side by side on real Kafka and print the tables."""
    cores = Cores.split()
    with tempfile.TemporaryDirectory() as folder, open_broker(require_real=True) as broker:
        click.echo(broker.describe(), err=True)
        pin(os.getpid(), set(cores.rest))
        if pid := getattr(broker, "pid", None):
            pin(pid, set(cores.rest))
        place = Place(broker.bootstrap, Path(folder), cores, reasons=reasons)
        runs = asyncio.run(measure_speed(place, list(names or CONTENDERS), count, repeats))
        report = [speed_table(runs)]
        if "leadscore" in runs:
            pin(os.getpid(), {cores.contender})
            report += ["", stage_table(runs["leadscore"], stage_costs(place.location))]
        click.echo("\n".join([*report, "", machine(broker.describe(), {})]))


if __name__ == "__main__":
    main()
