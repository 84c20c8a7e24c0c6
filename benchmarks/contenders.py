"""Who does the work: how each contender is started, and what its name is in the table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CONTENDERS", "Contender", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a contender finds its work.

    Attributes
    ----------
    bootstrap, source, target, group
        Broker, topics and consumer group.
    registry, model, sha256
        Root of the registry, path of model.onnx, its identity.
    folder
        For whatever the process writes.
    """

    bootstrap: str
    source: str
    target: str
    group: str
    registry: Path
    model: Path
    sha256: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that does the work.

    Attributes
    ----------
    name
        In the table.
    arguments
        What is started.
    environment
        Its settings for a stage.
    share
        Share of the events that it is given, so that slow ones end.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Callable[[Stage], dict[str, str]]
    share: float = 1.0


def _leadscore(stage: Stage, **settings: str) -> dict[str, str]:
    return {
        "LEADSCORE_ENV": "production",
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": stage.bootstrap,
        "LEADSCORE_LEADS_CREATED": stage.source,
        "LEADSCORE_LEADS_SCORED": stage.target,
        "LEADSCORE_LEADS_CREATED_DLQ": f"{stage.target}.dlq",
        "LEADSCORE_LEADS_DRIFT_PARTIALS": f"{stage.target}.partials",
        "LEADSCORE_GROUP_ID": stage.group,
        "LEADSCORE_REGISTRY": str(stage.registry),
        "LEADSCORE_MODEL": "benchmark",
        "LEADSCORE_HTTP_HOST": "127.0.0.1",
        "LEADSCORE_HTTP_PORT": "0",
        "LEADSCORE_HTTP_PORT_FILE": str(stage.folder / "port"),
        "LEADSCORE_LOG_FORMAT": "json",
        **settings,
    }


def _bare(stage: Stage) -> dict[str, str]:
    return _leadscore(
        stage, LEADSCORE_METRICS="false", LEADSCORE_REASONS="false", LEADSCORE_DRIFT="false"
    )


def _stock(stage: Stage) -> dict[str, str]:
    return {
        "BENCH_BOOTSTRAP": stage.bootstrap,
        "BENCH_SOURCE": stage.source,
        "BENCH_TARGET": stage.target,
        "BENCH_GROUP": stage.group,
        "BENCH_MODEL": str(stage.model),
        "BENCH_MODEL_SHA256": stage.sha256,
        "FAUST_DATADIR": str(stage.folder / "faust"),
    }


CONTENDERS = {
    "leadscore": Contender(
        "LeadScore as shipped", (sys.executable, "-m", "stream", "worker"), _leadscore
    ),
    "bare": Contender(
        "LeadScore, no reasons, metrics, drift", (sys.executable, "-m", "stream", "worker"), _bare
    ),
    "stock": Contender(
        "stock Faust, event by event",
        (sys.executable, "-m", "faust", "-A", "benchmarks.stock_faust", "worker", "-l", "warn"),
        _stock,
        share=0.05,
    ),
}
