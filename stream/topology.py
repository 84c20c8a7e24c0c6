"""What flows where. Read this page first.

::

    leads.created ──▶ BatchSource ──▶ score agent ──▶ ScoringPipeline ──▶ leads.scored
                      (stream/source)  (below)        (stream/pipeline)  └▶ leads.created.dlq

The source hands over runs of records of one partition; the agent passes them to the pipeline; the
pipeline marks a batch done when all its outputs are delivered; the source commits what is done.
What is done with the leads of a batch is in agents/scoring.py, without Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stream.service import ScoringService

if TYPE_CHECKING:
    from stream.app import App

__all__ = ["wire"]


def wire(app: App) -> ScoringService:
    """Connect the app's agents and services."""
    scoring = ScoringService(app)

    @app.agent(scoring.source.channel, name="score")
    async def score(batches: Any) -> None:
        async for batch in batches:
            await scoring.pipeline.accept(batch)

    @app.task
    async def start() -> None:
        await app.add_runtime_dependency(scoring)

    @app.on_before_shutdown.connect
    async def stop(*_: Any, **__: Any) -> None:
        await scoring.stop()

    return scoring
