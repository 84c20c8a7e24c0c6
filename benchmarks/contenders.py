"""The contenders: how each is started, and its name in the table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import python_of
from benchmarks.java_program import java_command

__all__ = ["CONTENDERS", "REPLAY", "Contender", "Stage"]

COLD = (0.10, 0.95)
WARM = (0.55, 0.975)
"""Range of a doubled backlog, whose first half is for warming up."""

SCORED_SCHEMA = Path(__file__).parent.parent / "schemas" / "lead_scored.avsc"


@dataclass(frozen=True, slots=True)
class Stage:
    """Input and output of a contender's run.

    Attributes
    ----------
    bootstrap, source, target, group
        Broker, topics and consumer group.
    registry
        Root of the registry that LeadScore's model is in.
    model, sha256
        The model file of the others, the identity of LeadScore's.
    folder
        Folder for files of the process.
    linger_ms
        Linger time of the producer.
    """

    bootstrap: str
    source: str
    target: str
    group: str
    registry: Path
    model: Path
    sha256: str
    folder: Path
    linger_ms: int = 5


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that does the workload.

    Attributes
    ----------
    name
        Name in the table.
    command
        Returns the command line; called lazily, as the program may have to be built.
    environment
        Returns its settings for a stage.
    share
        Share of the events that it gets: less for slow contenders, more for those that are measured
        warm.
    window
        Range of the backlog, in shares, in which it is measured: start-up and the final wait do not
        count.
    cores
        Number of cores that it may use; None: all.
    is_transactional
        Whether the target topic has transaction markers among its records.
    """

    name: str
    command: Callable[[], tuple[str, ...]]
    environment: Callable[[Stage], dict[str, str]]
    share: float = 1.0
    window: tuple[float, float] = COLD
    cores: int | None = 1
    is_transactional: bool = False


def _leadscore(
    name: str,
    command: tuple[str, ...] = ("stream", "worker"),
    *,
    share: float = 1.0,
    window: tuple[float, float] = COLD,
    cores: int | None = 1,
    **settings: str,
) -> Contender:
    def environment(stage: Stage) -> dict[str, str]:
        return {
            "LEADSCORE_ENV": "production",
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": stage.bootstrap,
            "LEADSCORE_LEADS_CREATED": stage.source,
            "LEADSCORE_LEADS_SCORED": stage.target,
            "LEADSCORE_LEADS_CREATED_DLQ": f"{stage.target}.dlq",
            "LEADSCORE_LEADS_DRIFT_PARTIALS": f"{stage.target}.partials",
            "LEADSCORE_LEADS_REPLAYS": f"{stage.target}.replays",
            "LEADSCORE_GROUP_ID": stage.group,
            "LEADSCORE_REGISTRY": str(stage.registry),
            "LEADSCORE_MODEL": "benchmark",
            "LEADSCORE_HTTP_HOST": "127.0.0.1",
            "LEADSCORE_HTTP_PORT": "0",
            "LEADSCORE_HTTP_PORT_FILE": str(stage.folder / "port"),
            "LEADSCORE_LOG_FORMAT": "json",
            **settings,
        }

    return Contender(
        name,
        lambda: (sys.executable, "-m", *command),
        environment,
        share,
        window,
        cores,
        is_transactional=settings.get("LEADSCORE_DELIVERY") == "exactly_once",
    )


def _plain(stage: Stage) -> dict[str, str]:
    return {
        "BENCH_BOOTSTRAP": stage.bootstrap,
        "BENCH_SOURCE": stage.source,
        "BENCH_TARGET": stage.target,
        "BENCH_GROUP": stage.group,
        "BENCH_MODEL": str(stage.model),
        "BENCH_MODEL_SHA256": stage.sha256,
        "BENCH_LINGER_MS": str(stage.linger_ms),
        "BENCH_FOLDER": str(stage.folder),
        "FAUST_DATADIR": str(stage.folder / "faust"),
    }


def _python(name: str, module: str, **settings: str) -> Contender:
    return Contender(
        name,
        lambda: (sys.executable, "-m", f"benchmarks.{module}"),
        lambda stage: {**_plain(stage), **settings},
    )


def _quix(name: str, **settings: str) -> Contender:
    return Contender(
        name,
        lambda: (python_of("bench-quix"), "-m", "benchmarks.quix_loop"),
        lambda stage: {**_plain(stage), **settings},
        share=0.25,
    )


def _java(
    name: str, program: str, share: float = 1.0, window: tuple[float, float] = COLD
) -> Contender:
    return Contender(
        name,
        lambda: java_command(program),
        lambda stage: {**_plain(stage), "BENCH_SCORED_SCHEMA": str(SCORED_SCHEMA)},
        share,
        window,
    )


def _faust(name: str, **settings: str) -> Contender:
    return Contender(
        name,
        lambda: (
            *(sys.executable, "-m", "faust", "-A", "benchmarks.stock_faust"),
            *("worker", "-l", "warn"),
        ),
        lambda stage: {**_plain(stage), **settings},
        share=0.1,
    )


OFF = "false"
GENERATED = {"BENCH_DECODER": "leadscore"}

CONTENDERS = {
    "leadscore": _leadscore("LeadScore as shipped"),
    "bare": _leadscore(
        "LeadScore, no reasons, metrics, drift",
        LEADSCORE_METRICS=OFF,
        LEADSCORE_REASONS=OFF,
        LEADSCORE_DRIFT=OFF,
    ),
    "exactly-once": _leadscore("LeadScore, exactly once", LEADSCORE_DELIVERY="exactly_once"),
    "stock": _faust("stock Faust, event by event"),
    "take": _faust("stock Faust, take(128)", BENCH_TAKE="128"),
    "quix": _quix("Quix Streams"),
    "quix-decoder": _quix("Quix Streams, LeadScore's decoder", **GENERATED),
    "aiokafka": _python("aiokafka loop", "aiokafka_loop"),
    "aiokafka-decoder": _python("aiokafka loop, LeadScore's decoder", "aiokafka_loop", **GENERATED),
    "confluent": _python("confluent-kafka, batches", "confluent_loop"),
    "confluent-decoder": _python(
        "confluent-kafka, batches, LeadScore's decoder", "confluent_loop", **GENERATED
    ),
    "streams": _java("Kafka Streams, cold", "StreamsContender"),
    "streams-warm": _java("Kafka Streams, warm", "StreamsContender", 2.0, WARM),
    "java": _java("Java loop, batches, cold", "LoopContender"),
    "java-warm": _java("Java loop, batches, warm", "LoopContender", 2.0, WARM),
    "cores": _leadscore("LeadScore as shipped, on all cores", cores=None),
    "two-workers": _leadscore(
        "LeadScore as shipped, two workers on all cores",
        ("benchmarks.workers", "2"),
        share=4.0,  # the first worker is alone until the second has joined
        window=WARM,
        cores=None,
    ),
    "no-reasons": _leadscore("LeadScore, without reasons", LEADSCORE_REASONS=OFF),
    "no-drift": _leadscore("LeadScore, without drift", LEADSCORE_DRIFT=OFF),
    "no-metrics": _leadscore("LeadScore, without metrics", LEADSCORE_METRICS=OFF),
}

REPLAY = _leadscore(
    "LeadScore, a replay",
    ("stream", "replay", "start", "--from", "beginning", "--into-live", "--yes", "--json"),
)
"""To be compared with a worker that counts nothing for drift: a replay does not (replays.py)."""
