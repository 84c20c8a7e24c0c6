"""The tables of the benchmark as Markdown, and their sections in docs/performance.md."""

from __future__ import annotations

import math
import os
import platform
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.environments import version_of
from benchmarks.java_program import java_versions
from benchmarks.latency import LatencyRun
from benchmarks.memory import MemoryRun
from benchmarks.results import Results
from benchmarks.scaling import Cost
from benchmarks.startup import Start
from benchmarks.testbed import Run

__all__ = ["machine", "sections", "write_sections"]

PACKAGES = ("faust-streaming", "aiokafka", "confluent-kafka", "onnxruntime", "fastavro", "numpy")
PARTS_OF = {"no-reasons": "reasons", "no-drift": "drift counting", "no-metrics": "metrics"}
"""The part that a contender omits, to measure its cost."""


def sections(results: Results) -> dict[str, str]:
    """Return all tables by the name of their section."""
    found = {}
    if results.speed:
        found["speed"] = f"{speed_table(results.speed)}\n\n{_checked(results)}"
    if any(name in results.speed for name in PARTS_OF) and "leadscore" in results.speed:
        found["parts"] = parts_table(results.speed)
    if results.stages and "leadscore" in results.speed:
        found["stages"] = stage_table(results.speed["leadscore"], results.stages)
    if results.latency:
        found["latency"] = latency_table(results.latency)
    if results.costs:
        found["scaling"] = cost_table(results.costs)
    if results.starts:
        found["startup"] = start_table(results.starts)
    if results.memory:
        found["memory"] = memory_table(results.memory)
    found["machine"] = f"`{results.command}` on {results.machine}."
    return found


def write_sections(page: str, found: Mapping[str, str]) -> str:
    """Insert tables into their sections of a page; a table without a section is appended.

    Parameters
    ----------
    page
        Markdown; a section is between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->``.
    found
        Tables by name.
    """
    for name, table in found.items():
        begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
        if begin not in page:
            page = f"{page.rstrip()}\n\n{begin}\n{end}\n"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def speed_table(speed: Mapping[str, Sequence[Run]]) -> str:
    """Return the throughput of each contender: medians, and the range of the rates."""
    base = {name: cpu_rate(runs) for name, runs in speed.items()}
    rows = []
    for name, runs in speed.items():
        if name in PARTS_OF:
            continue
        cpu = sorted(run.events_per_cpu_second for run in runs)
        wall = statistics.median(run.events_per_second for run in runs)
        rows.append(
            (
                CONTENDERS[name].name,
                f"{wall:,.0f}",
                f"{base[name]:,.0f} ({cpu[0]:,.0f} to {cpu[-1]:,.0f})",
                f"{statistics.median(run.memory_mb for run in runs):.0f}",
                f"{base[name] / base['stock']:.1f} x" if "stock" in base else "",
            )
        )
    return _table(
        "contender|events/s|events per CPU-second (range)|memory, MB|against stock Faust", rows
    )


def parts_table(speed: Mapping[str, Sequence[Run]]) -> str:
    """Return the cost of reasons, drift counting and metrics, compared round by round."""
    whole = [1e6 / run.events_per_cpu_second for run in speed["leadscore"]]
    rows = []
    for name, part in PARTS_OF.items():
        if name in speed:
            without = [1e6 / run.events_per_cpu_second for run in speed[name]]
            shares = [1 - less / all_ for less, all_ in zip(without, whole, strict=False)]
            rows.append(
                (
                    part,
                    f"{statistics.median(whole) - statistics.median(without):.2f}",
                    f"{statistics.median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})",
                )
            )
    return _table("what|µs a lead, of medians|share of all, round by round (range)", rows)


def stage_table(runs: Sequence[Run], costs: Mapping[str, float]) -> str:
    """Return LeadScore's CPU time per lead by stage."""
    total = 1e6 / cpu_rate(runs)
    parts = {**costs, "Kafka and the rest": total - sum(costs.values()), "all": total}
    rows = [(name, f"{us:.1f}", f"{us / total:.0%}") for name, us in parts.items()]
    return _table("stage|µs a lead|share", rows)


def latency_table(latency: Mapping[str, Sequence[LatencyRun]]) -> str:
    """Return the latency at each rate."""
    rows = [
        (
            CONTENDERS[name].name,
            f"{run.rate:,.0f}",
            *("" if math.isnan(ms) else f"{ms:,.0f}" for ms in (run.p50, run.p99, run.p999)),
            f"{run.core:.0%}",
            f"{run.late:,}" if run.late else "",
        )
        for run, name in _by_rate(latency)
    ]
    return _table("contender|leads/s|p50, ms|p99, ms|p99.9, ms|of a core|not scored in time", rows)


def cost_table(costs: Sequence[Cost]) -> str:
    """Return the CPU cost of a lead by backlog and partitions."""
    rows = [
        (f"{c.events:,}", f"{c.partitions}", f"{c.cpu_us:.1f}", f"{c.memory_mb:.0f}") for c in costs
    ]
    return _table("leads at once|partitions|µs of CPU a lead|memory, MB", rows)


def start_table(starts: Sequence[Start]) -> str:
    """Return the start-up times of a worker."""
    rows = [
        (
            start.role,
            f"{start.windows}",
            f"{statistics.median(start.seconds):.1f}",
            f"{min(start.seconds):.1f} to {max(start.seconds):.1f}",
            f"{statistics.median(start.cpu_seconds):.1f}",
        )
        for start in starts
    ]
    return _table("role|windows in its table|ready after, s|range|CPU, s", rows)


def memory_table(runs: Sequence[MemoryRun]) -> str:
    """Return the memory of a worker by size and compression of the leads."""
    rows = [
        (
            f"{run.case.count:,} of {run.case.lead_bytes:,} bytes",
            run.case.codec,
            f"{run.sent_mb:.1f}",
            f"{run.peak_mb:.0f}",
            f"{run.case.count * run.case.lead_bytes / 1e6 / max(run.seconds, 0.1):,.0f}",
            f"{run.cpu_hold_ms:.0f}",
            f"{run.hold_ms:.0f}",
            f"{run.answer_ms:.0f}",
            f"{run.scored:,} / {run.dead:,}",
        )
        for run in runs
    ]
    return _table(
        "leads|codec|MB sent|memory, MB|MB/s of leads|loop held, ms of CPU|loop held, ms|"
        "/healthz, ms|scored / dead",
        rows,
    )


def cpu_rate(runs: Sequence[Run]) -> float:
    """Return the median of events per CPU-second."""
    return statistics.median(run.events_per_cpu_second for run in runs)


def machine(broker: str) -> str:
    """Return a description of the machine and the versions.

    Parameters
    ----------
    broker
        Description of the broker.
    """
    model = re.search(r"model name\s+: (.*)", Path("/proc/cpuinfo").read_text())
    versions = {
        **{name: version(name) for name in PACKAGES},
        "Quix Streams": version_of("quixstreams", "bench-quix"),
        **java_versions(),
    }
    return ", ".join(
        (
            model[1] if model else platform.processor(),
            f"{os.cpu_count()} cores",
            f"Linux {platform.release().partition('-')[0]}",
            f"Python {platform.python_version()}",
            broker.partition(", ")[0],
            *(f"{name} {number}" for name, number in versions.items()),
        )
    )


def _by_rate(
    latency: Mapping[str, Sequence[LatencyRun]],
) -> list[tuple[LatencyRun, str]]:
    found = [(run, name) for name, runs in latency.items() for run in runs]
    return sorted(found, key=lambda pair: pair[0].rate)


def _checked(results: Results) -> str:
    checked = [run.checked for runs in results.speed.values() for run in runs]
    events, worst = sum(c.events for c in checked), max(c.worst for c in checked)
    authors = "All contenders write" if results.reasons else "Only LeadScore writes"
    return (
        f"Of {events:,} scored events, no score differs from the expected one by more than"
        f" {worst:.1g}. {authors} reasons."
    )


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    names = head.split("|")
    lines = [f"| {' | '.join(names)} |", f"|---|{'--:|' * (len(names) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
