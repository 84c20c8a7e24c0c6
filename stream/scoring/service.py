"""The life cycle of the scoring role: from the first model to the last commit.

The parts are made in stream/roles/score.py. Nothing is read before a model is loaded: a worker that
cannot score must not be a member of the group, or its partitions would wait for it.
"""

from __future__ import annotations

from mode import Service

from stream.consume.batch_source import BatchSource
from stream.consume.large_batches import warn_of_large_batches
from stream.deliver.batch_producer import Emitter
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.drift_resumption import DriftResumption
from stream.scoring.kafka_clients import KafkaClients
from stream.scoring.model_reloader import ModelReloader
from stream.scoring.pipeline import ScoringPipeline

__all__ = ["ScoringService"]

DRIFT_STOP_LIMIT = 0.5
"""Seconds to publish the last drift counts; the next owner counts again what is missing."""


class ScoringService(Service):
    """A service that starts the parts of the scoring role in order, and stops them in order.

    Parameters
    ----------
    source
        Reads leads.
    pipeline
        Scores them.
    emitter
        Sends the outputs.
    drift
        Publishes drift counts.
    resumption
        Resumes the drift counts of assigned partitions.
    models
        Loads the models; knows when the first one is loaded.
    kafka
        Made the clients.
    publishes_drift
        Whether drift counts are published.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        source: BatchSource,
        pipeline: ScoringPipeline,
        emitter: Emitter,
        drift: DriftPublisher,
        resumption: DriftResumption,
        models: ModelReloader,
        kafka: KafkaClients,
        *,
        publishes_drift: bool,
        crash: Crash,
    ) -> None:
        super().__init__()
        self._source = source
        self._pipeline = pipeline
        self._emitter = emitter
        self._drift = drift
        self._resumption = resumption
        self._models = models
        self._kafka = kafka
        self._publishes_drift = publishes_drift
        self._end_worker = crash
        self._background = BackgroundTasks(crash)

    @Service.task
    async def _run(self) -> None:
        try:
            if not (await self.wait(self._models.is_loaded)).stopped:
                await self._open_kafka()
        except Exception as error:
            await self._end_worker(error)

    async def _open_kafka(self) -> None:
        await self._kafka.clock.compare()
        await self._emitter.start()
        self._pipeline.verify_limits()
        self._pipeline.start()
        if self._publishes_drift:
            self._drift.start()
        kafka = self._kafka
        self._background.start(
            warn_of_large_batches(kafka.read_limits, self._source.topic, kafka.budget)
        )
        await self._source.start()  # last: records come from here on

    async def on_stop(self) -> None:
        """Finish what is in flight, commit, leave the group, close the connections."""
        self._models.end()
        if self._source.started:
            # The source first: what its last commit covers must be delivered by then.
            await self._source.stop()
            await self._pipeline.stop()
            await self._drift.stop(DRIFT_STOP_LIMIT)
            await self._emitter.stop()
        await self._resumption.stop()
        await self._background.cancel()
