"""The whole wiring of a worker: its agents, services, topics and tables. Read this page first.

A role is constructed in its module of ``stream/roles``; here is what flows where.

::

    leads.created ──▶ BatchSource ──▶ score agent ──▶ ScoringPipeline ──▶ leads.scored
                      (consume)                        (scoring)          ├▶ leads.created.dlq
                                                                          └▶ leads.drift.partials
    leads.created ──▶ the same, as a shadow in a group of its own ──▶ leads.scored.shadow
                                                                  └▶ leads.scored.shadow.dlq
    leads.drift.partials ──▶ drift agent ──▶ DriftService ──▶ leads.drift
                                              (drift, table drift_windows)
    leads.created ──▶ BatchSource ──▶ archive agent ──▶ ArchiveWriter ──▶ Parquet files
    leads.scored ──▶ BatchSource ──▶ join agent ──▶ OutcomeRunner ──▶ leads.quality
    leads.outcomes, leads.scored.shadow ──▶ Follower ──┘ (outcomes)  ├▶ leads.outcomes.dlq
                                                                     └▶ leads.overdue
    leads.scored, dead letters, leads.outcomes ──▶ RolloutService ──▶ history of aliases
                                                   (rollout)          └▶ leads.models
    leads.scored ──▶ BatchSource ──▶ write agent ──▶ SinkRunner ──▶ files, databases, webhooks
    (or leads, or    (consume)                       (sinks)      └▶ leads.sinks.dlq
    leads.overdue)
    leads.retrain ──▶ retrain agent ──▶ RetrainService ──▶ leads.retrains, the registry
                                         (retraining)

========  ========================  ===================================================
role      agents and tables         services
========  ========================  ===================================================
any                                 Monitor: health, metrics and their HTTP port
score     agent ``score``           OutcomeLog, ModelReloader, CommitWatch, ScoringService,
                                    BatchSource, StallWatch, LoopWatch; SchemaWait if a schema
                                    registry is set
drift     agent ``drift``,          DriftService, DriftStallWatch
          table ``drift_windows``
all       those of score and drift  those of score and drift
shadow    those of score            those of score
sink      agent ``write``           SinkService, BatchSource, StallWatch, LoopWatch; SchemaWait
                                    if a schema registry is set
rollout   agent ``rollout``         RolloutService
archive   agent ``archive``         ArchiveService, BatchSource, ArchiveWatch, LoopWatch
trainer   agent ``retrain``         RetrainService, LoopWatch
outcomes  agent ``join``            OutcomeService, BatchSource, StallWatch, LoopWatch;
                                    OverdueService if a timer is set
========  ========================  ===================================================

Role score: the source hands over a poll, a batch of each partition. The agent passes it to the
pipeline, which scores all of it at once and marks a batch done when all its outputs are delivered.
The source commits the offsets of done batches; with LEADSCORE_DELIVERY=exactly_once outputs and
offsets are one transaction (stream/deliver/transactions.py). What happens to the leads of a batch
is in agents/scoring.py, without Kafka. While a model has a canary, the two share each batch
(agents/split_scoring.py).

Role shadow: the role score with the settings of stream/scoring/role_settings.py, which name other
outputs, another group and the model with the alias ``shadow``. It counts nothing for drift.

Role drift: an agent of stock Faust reads the counts of blocks of leads. What is computed from them
is in agents/drift_watch.py, without Kafka.

Role rollout: the topic of changes has one partition, and who is assigned it decides. It reads a
sample of the outputs beside any group; what it decides is in agents/rollout, without Kafka.

Role sink: the source hands over batches as in role score. The runner writes them to the target and
marks them done; while the target is unavailable it waits, and so does the source.

Role archive: as the role score, in a group of its own; a batch is done when the file that holds it
is durable. The files, and not the commits, say where a partition continues (stream/archive).

Role trainer: an agent of stock Faust reads requests; triggers write some. A plan is written before
a retraining begins, in a child process, and an account when it ends (stream/retraining). It hands
the candidate of an automatic one on, from the shadow to the canary (stream/retraining/hand_over).

Role outcomes: scores come in batches as in role score, in a group of its own; their outcomes, and
the shadow's scores, are read beside them from the partitions of the same number. Joins and counts
are in local stores, which say where to continue (agents/outcomes, stream/outcomes). Timers of leads
are in the same stores.

Agents, services, topics and tables are constructed here and in ``stream/roles``, nowhere else
(tests/unit/stream/test_topology.py checks it).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mode import Service

from monitoring.telemetry.health import Condition
from stream.monitor import Monitor

if TYPE_CHECKING:
    from stream.faust_app import App

__all__ = ["ROLES", "Role", "wire"]

Wire = Callable[["App", Monitor], Sequence[Service]]
"""Wires a role to the app, and returns its services in the order in which they start."""


@dataclass(frozen=True, slots=True)
class Role:
    """The modules of a role, and the conditions of its readiness.

    Attributes
    ----------
    modules
        Modules of ``stream/roles`` that wire its parts, imported by a worker of the role alone.
    ready
        Conditions of its readiness, besides that Kafka answers.
    """

    modules: Sequence[str]
    ready: Sequence[Condition]


READS = (Condition.PARTITIONS_ASSIGNED, Condition.PARTITIONS_MOVE)
SCORES = (Condition.MODEL_LOADED, *READS)

ROLES: Mapping[str, Role] = {
    "score": Role(["score"], SCORES),
    "drift": Role(["drift"], [Condition.RECOVERED]),
    "all": Role(["score", "drift"], [*SCORES, Condition.RECOVERED]),
    "shadow": Role(["score"], SCORES),
    "sink": Role(["sink"], [Condition.TARGET_REACHED, *READS]),
    "rollout": Role(["rollout"], [Condition.RECOVERED]),
    "archive": Role(["archive"], [Condition.PARTITIONS_ASSIGNED, Condition.ARCHIVE_HAS_ROOM]),
    "trainer": Role(["trainer"], [Condition.PARTITIONS_ASSIGNED]),
    "outcomes": Role(["outcomes"], READS),
}


def wire(app: App) -> Sequence[Service]:
    """Connect the agents and services that the app's role needs.

    Returns
    -------
    sequence of mode.Service
        In the order in which they start; they stop in reverse.
    """
    role = ROLES[app.settings.role]
    monitor = Monitor(app.settings, role.ready)
    services: list[Service] = [monitor]
    for module in role.modules:
        wire_role: Wire = importlib.import_module(f"stream.roles.{module}").wire
        services += wire_role(app, monitor)

    @app.task
    async def start() -> None:
        for service in services:
            await app.add_runtime_dependency(service)

    @app.on_before_shutdown.connect
    async def stop(*_: Any, **__: Any) -> None:
        for service in reversed(services):
            await service.stop()

    return services
