"""Results of a benchmark run, stored as JSON for tables and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.latency import LatencyRun
from benchmarks.memory import MemoryCase, MemoryRun
from benchmarks.scaling import Cost
from benchmarks.scores import Checked
from benchmarks.startup import Start
from benchmarks.testbed import Run

__all__ = ["Results"]


@dataclass(slots=True)
class Results:
    """Figures by contender.

    Attributes
    ----------
    machine
        Description of the machine and the versions.
    command
        The command line.
    reasons
        Whether the other contenders also wrote reasons.
    speed, latency
        Runs of each contender, by its key.
    stages
        CPU time a lead by stage of LeadScore, microseconds.
    costs
        LeadScore's CPU cost of a lead by backlog and partitions.
    starts
        Start-up times of a LeadScore worker.
    memory
        A worker's memory under leads of any size and compression.
    """

    machine: str
    command: str
    reasons: bool = False
    speed: dict[str, list[Run]] = field(default_factory=dict)
    latency: dict[str, list[LatencyRun]] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    costs: list[Cost] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    memory: list[MemoryRun] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read results that `save` wrote."""
        read = json.loads(path.read_text())
        read["speed"] = {name: [_run(run) for run in runs] for name, runs in read["speed"].items()}
        read["latency"] = {
            name: [LatencyRun(**run) for run in runs] for name, runs in read["latency"].items()
        }
        read["costs"] = [Cost(**cost) for cost in read["costs"]]
        read["starts"] = [Start(**start) for start in read["starts"]]
        read["memory"] = [
            MemoryRun(**{**run, "case": MemoryCase(**run["case"])}) for run in read["memory"]
        ]
        return cls(**read)


def _run(read: Mapping[str, Any]) -> Run:
    return Run(**{**read, "checked": Checked(**read["checked"])})
