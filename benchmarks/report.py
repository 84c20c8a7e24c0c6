"""The tables of the bench, as Markdown."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders import CONTENDERS
from benchmarks.place import Run

__all__ = ["machine", "speed_table", "stage_table"]

PACKAGES = (
    *("faust-streaming", "aiokafka", "confluent-kafka", "onnxruntime", "fastavro", "numpy"),
)


def speed_table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Write how fast each is: medians, and the range of the rates."""
    base = {
        name: statistics.median(run.events_per_cpu_second for run in found)
        for name, found in runs.items()
    }
    lines = [
        "| contender | events/s | events per CPU-second (range) | memory, MB"
        " | against stock Faust |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, found in runs.items():
        cpu = sorted(run.events_per_cpu_second for run in found)
        ratio = f"{base[name] / base['stock']:.1f} x" if "stock" in base else ""
        lines.append(
            f"| {CONTENDERS[name].name}"
            f" | {statistics.median(run.events_per_second for run in found):,.0f}"
            f" | {base[name]:,.0f} ({cpu[0]:,.0f} to {cpu[-1]:,.0f})"
            f" | {statistics.median(run.memory_mb for run in found):.0f} | {ratio} |"
        )
    return "\n".join(lines)


def stage_table(runs: Sequence[Run], costs: Mapping[str, float]) -> str:
    """Write where a lead's CPU time goes, of LeadScore as shipped."""
    total = 1e6 / statistics.median(run.events_per_cpu_second for run in runs)
    rows = {**costs, "Kafka and the rest": total - sum(costs.values())}
    lines = ["| stage | µs a lead | share |", "|---|--:|--:|"]
    lines += [f"| {name} | {us:.1f} | {us / total:.0%} |" for name, us in rows.items()]
    return "\n".join([*lines, f"| all | {total:.1f} | 100% |"])


def machine(broker: str, others: Mapping[str, str]) -> str:
    """Say what this was measured on.

    Parameters
    ----------
    broker
        What Kafka there is.
    others
        Versions of what is not in this environment, by name.
    """
    model = re.search(r"model name\s+: (.*)", Path("/proc/cpuinfo").read_text())
    versions = {name: version(name) for name in PACKAGES} | dict(others)
    return (
        f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, Linux"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()}, {broker}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
    )
