"""What flows where. Read this page first.

::

    leads.created ──▶ BatchSource ──▶ score agent ──▶ ScoringPipeline ──▶ leads.scored
                      (consume)        (below)         (scoring)          ├▶ leads.created.dlq
                                                                          └▶ leads.drift.partials
    leads.drift.partials ──▶ drift agent ──▶ DriftService ──▶ leads.drift
                             (below)          (drift, table drift_windows)

Role score: the source hands over what a poll has brought, a batch of each partition; the agent
passes it to the pipeline, which scores all of it at once, and marks a batch done when all its
outputs are delivered; the source commits what is done. What is done with the leads of a batch is in
agents/scoring.py, without Kafka. With LEADSCORE_DELIVERY=exactly_once outputs and offsets are
committed as one (stream/deliver/transactions).

Role drift: an agent of stock Faust reads the counts of blocks of leads; what is made of them is in
agents/drift_watch.py, without Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitoring.telemetry.health import Condition
from stream.monitor import Vitals
from stream.scoring.service import ScoringService

if TYPE_CHECKING:
    from stream.drift.service import DriftService
    from stream.faust_app import App

__all__ = ["wire"]

SCORES = (
    Condition.MODEL_LOADED,
    Condition.PARTITIONS_ASSIGNED,
    Condition.PARTITIONS_MOVE,
)
READY = {
    "score": SCORES,
    "drift": (Condition.RECOVERED,),
    "all": (*SCORES, Condition.RECOVERED),
}
"""What must hold for a worker of a role to be ready, besides that Kafka answers."""


def wire(app: App) -> None:
    """Connect the app's agents and services, as its role needs them."""
    role = app.settings.role
    vitals = Vitals(app.settings, READY[role])
    services: list[Any] = [vitals]
    if role != "drift":
        services.append(_score(app, vitals))
    if role != "score":
        services.append(_watch_drift(app, vitals))

    @app.task
    async def start() -> None:
        for service in services:
            await app.add_runtime_dependency(service)

    @app.on_before_shutdown.connect
    async def stop(*_: Any, **__: Any) -> None:
        for service in reversed(services):
            await service.stop()


def _score(app: App, vitals: Vitals) -> ScoringService:
    scoring = ScoringService(app, vitals)

    @app.agent(scoring.source.channel, name="score")
    async def score(polls: Any) -> None:
        async for batches in polls:
            await scoring.pipeline.accept(batches)

    return scoring


def _watch_drift(app: App, vitals: Vitals) -> DriftService:
    # Only where it is needed: it brings river along, seconds and memory.
    from stream.drift.service import DriftService

    settings = app.settings
    changelog = app.topic(
        settings.drift_changelog,
        key_serializer="raw",
        value_serializer="raw",
        partitions=1,
        compacting=True,
        acks=False,
        internal=True,
        allow_empty=True,
    )
    table = app.Table(
        "drift_windows",
        partitions=1,
        key_type=bytes,
        value_type=bytes,  # and so they are kept raw
        changelog_topic=changelog,
    )
    partials = app.topic(
        settings.leads_drift_partials,
        key_serializer="raw",
        value_serializer="raw",
        value_type=bytes,
        allow_empty=True,
    )
    watching = DriftService(app, table, vitals)

    @app.agent(partials, name="drift")
    async def drift(stream: Any) -> None:
        # Faust would acknowledge at the end of the loop's body, whatever came of it.
        async for event in stream.noack().events():
            await watching.accept(event)

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        watching.revoked()

    @app.on_rebalance_complete.connect
    async def recovered(*_: Any, **__: Any) -> None:
        watching.recovered()

    return watching
