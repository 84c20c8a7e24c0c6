"""Run the contenders side by side: ``python -m benchmarks.run --events 400000 --repeats 3``.

In each run the contender's process, pinned to one core, processes a backlog on real Kafka, which
has the other cores. Its CPU time and the number of scored events are sampled, and the middle of the
backlog is evaluated, so start-up and the final wait do not count. Runs are interleaved. Every
scored event is compared with the expected score: a contender that computes something else fails.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.contenders import CONTENDERS
from benchmarks.latency import measure_latency
from benchmarks.memory import measure_memory
from benchmarks.plan import BOUNDED, FULL, Plan
from benchmarks.plots import PLACES, write_plots
from benchmarks.report import machine, sections, write_sections
from benchmarks.results import Results
from benchmarks.scaling import measure_cost
from benchmarks.stages import stage_costs
from benchmarks.startup import measure_start
from benchmarks.testbed import Cores, Testbed
from stream.broker import open_broker
from testing.process_tree import pin

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
RESULTS = Path(".leadscore") / "bench" / "results.json"
STARTS = (("score", 0), ("all", 0), ("all", 100))
"""Role of a worker, and windows in its table."""
MEMORY = Path("/dev/shm")
"""A file system in memory, if there is one."""
LOG_BYTES = 4 * 2**30
BYTES_OF_LEAD = 1200
"""Bytes that a run may need there: for the contenders, and for each lead of the largest backlog."""
PARTS = ("speed", "latency", "scaling", "startup", "memory")


def free_in_memory() -> int:
    """Return the free bytes of the file system in memory; 0 if there is none."""
    return shutil.disk_usage(MEMORY).free if os.access(MEMORY, os.W_OK) else 0


async def measure(testbed: Testbed, plan: Plan, parts: Sequence[str], results: Results) -> None:
    """Run the parts of a plan and fill in the results."""
    if "speed" in parts:
        await _speed(testbed, plan, results)
    if "latency" in parts:
        await _latency(testbed, plan, results)
    if "scaling" in parts:
        for count, partitions in plan.costs:
            cost = await measure_cost(testbed, count, partitions)
            results.costs.append(cost)
            _say(f"{count:,} leads, {partitions} partitions: {cost.cpu_us:.1f} µs a lead")
    if "memory" in parts:
        for case in plan.memory:
            run = await measure_memory(testbed, case)
            results.memory.append(run)
            _say(
                f"{case.count:,} leads of {case.lead_bytes:,} bytes, {case.codec}: at most"
                f" {run.peak_mb:.0f} MB, {run.seconds:.0f} s, the loop held for"
                f" {run.cpu_hold_ms:.0f} ms at most"
            )
    if "startup" in parts:
        for role, windows in STARTS:
            start = await measure_start(testbed, role, windows, plan.repeats)
            results.starts.append(start)
            took = statistics.median(start.seconds)
            _say(f"role {role}, {windows} windows in its table: ready after {took:.1f} s")


async def _speed(testbed: Testbed, plan: Plan, results: Results) -> None:
    for repeat in range(plan.repeats):
        for name in plan.contenders:
            contender = CONTENDERS[name]
            run = await testbed.run(contender, round(plan.events * contender.share))
            results.speed.setdefault(name, []).append(run)
            _say(
                f"run {repeat + 1}/{plan.repeats} {contender.name}:"
                f" {run.events_per_second:,.0f}/s, {run.events_per_cpu_second:,.0f} per CPU-second,"
                f" {run.memory_mb:.0f} MB, {run.checked.repeats} repeats, scores differ by at most"
                f" {run.checked.worst:.1g}"
            )


async def _latency(testbed: Testbed, plan: Plan, results: Results) -> None:
    most: float | None = plan.most
    if most is None and "leadscore" in results.speed:
        most = statistics.median(run.events_per_second for run in results.speed["leadscore"])
    rates = [*plan.rates, *(round(most * share) for share in plan.shares if most)]
    for rate in rates:
        for name in plan.latency_contenders:
            run = await measure_latency(
                testbed,
                CONTENDERS[name],
                rate,
                warm_seconds=plan.warm_seconds,
                seconds=plan.seconds,
            )
            results.latency.setdefault(name, []).append(run)
            _say(
                f"{rate:,} leads/s {CONTENDERS[name].name}: p50 {run.p50:.0f} ms, p99"
                f" {run.p99:.0f} ms, p99.9 {run.p999:.0f} ms, {run.core:.0%} of a core,"
                f" {run.late:,} not scored in time"
            )


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@click.option("--full", is_flag=True, help="Everything, for hours.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this part.")
@click.option("--events", type=int, help="Backlog of a run.")
@click.option("--repeats", type=int, help="Runs of each contender.")
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice(list(CONTENDERS)),
    help="Only these contenders, for speed and latency; may be repeated.",
)
@click.option("--rate", "rates", multiple=True, type=int, help="Only this rate; may be repeated.")
@click.option("--most", type=int, help="LeadScore's maximum in leads/s; default: measured first.")
@click.option("--reasons", is_flag=True, help="Let the other contenders also write reasons.")
@click.option(
    "--results", "path", type=click.Path(path_type=Path), default=RESULTS, show_default=True
)
@click.option("--from-results", is_flag=True, help="Measure nothing: show the last results.")
@click.option("--write-docs", is_flag=True, help="Also write tables and plots into docs/.")
def main(
    full: bool,
    parts: tuple[str, ...],
    events: int | None,
    repeats: int | None,
    names: tuple[str, ...],
    rates: tuple[int, ...],
    most: int | None,
    reasons: bool,
    path: Path,
    from_results: bool,
    write_docs: bool,
) -> None:
    """Run the contenders side by side on real Kafka and print the tables."""
    if from_results:
        results = Results.load(path)
    else:
        plan = (FULL if full else BOUNDED).changed(
            events=events, repeats=repeats, names=names, rates=rates, most=most
        )
        results = _run(plan, parts or PARTS, reasons, path)
    found = sections(results)
    click.echo("\n\n".join(found.values()))
    if write_docs:
        for name, plot in write_plots(results, IMAGES).items():
            found[PLACES[name]] += f"\n\n![{name}]({plot.relative_to(PAGE.parent)})"
        PAGE.write_text(write_sections(PAGE.read_text(), found))
        _say(f"wrote {PAGE.relative_to(ROOT)} and its plots")


def _run(plan: Plan, parts: Sequence[str], reasons: bool, path: Path) -> Results:
    """Measure, and save the results; those of the parts before a failure, too."""
    cores = Cores.split()
    if free_in_memory() > LOG_BYTES + BYTES_OF_LEAD * max(count for count, _ in plan.costs):
        # The broker's log is in memory too: else the slowest leads measure the disk, which is busy
        # every few seconds when the file system commits.
        tempfile.tempdir = str(MEMORY)
    with tempfile.TemporaryDirectory() as folder, open_broker(require_real=True) as broker:
        _say(broker.describe())
        command = " ".join(["python -m benchmarks.run", *sys.argv[1:]])
        results = Results(machine(broker.describe()), command, reasons)
        pin(os.getpid(), set(cores.rest))
        if pid := getattr(broker, "pid", None):
            pin(pid, set(cores.rest))
        testbed = Testbed(broker.bootstrap, Path(folder), cores, reasons=reasons)
        try:
            asyncio.run(measure(testbed, plan, parts, results))
            if "leadscore" in results.speed:
                pin(os.getpid(), {cores.contender})
                results.stages = stage_costs(testbed.location)
        finally:
            results.save(path)
    return results


if __name__ == "__main__":
    main()
