"""Write the last soak test into the docs: ``make soak``, then ``python -m benchmarks.soak``."""

from __future__ import annotations

import json
from collections import Counter
from statistics import median

import click

from benchmarks.plots import lines
from benchmarks.report import write_sections
from benchmarks.run import IMAGES, PAGE
from testing.soak_figures import OUTPUT, WARM_UP

PLOT = "soak-memory.svg"


@click.command()
def main() -> None:
    """Write the figures and the plot of the last soak into the docs."""
    soak = json.loads(OUTPUT.read_text())
    memory = [(seconds, mb) for seconds, mb in soak["memory_mb"]]
    warm = [mb for seconds, mb in memory if seconds >= WARM_UP]
    tenth = max(1, len(warm) // 10)
    faults = Counter(name for name, _ in soak["faults"])
    slowest = max(seconds for _, seconds in soak["faults"])
    (IMAGES / PLOT).write_text(
        lines(
            "Memory of a worker through the soak, MB",
            "minutes",
            {"resident": [(seconds / 60, mb) for seconds, mb in memory]},
            from_zero=True,
        )
    )
    text = (
        f"{memory[-1][0] / 60:.0f} minutes, {soak['leads']:,} leads,"
        f" {len(soak['faults'])} faults ({', '.join(f'{n} {name}' for name, n in faults.items())}):"
        f" none lost, counts exact, {soak['repeats']:,} came out again, the same events."
        f" Back at work within {slowest:.0f} s of each fault's end. Memory of the worker that ran"
        f" all the time: {median(warm[:tenth]):.0f} MB after five minutes,"
        f" {median(warm[-tenth:]):.0f} MB at the end."
        f"\n\n![memory](images/{PLOT})"
    )
    PAGE.write_text(write_sections(PAGE.read_text(), {"soak": text}))
    click.echo(text)


if __name__ == "__main__":
    main()
