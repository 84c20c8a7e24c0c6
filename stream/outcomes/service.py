"""The life cycle of the role outcomes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mode import Service

from stream.consume.batch_source import BatchSource
from stream.deliver.batch_producer import Emitter
from stream.kafka.record_clock import RecordClock
from stream.outcomes.follower import Follower
from stream.outcomes.partitions import OutcomePartitions
from stream.outcomes.placement_watch import PlacementWatch
from stream.outcomes.publisher import QualityPublisher
from stream.outcomes.report_cleaner import ReportCleaner
from stream.process.background_tasks import Crash
from stream.sinks.dead_letters import SinkDeadLetters

__all__ = ["OutcomeService"]


class OutcomeService(Service):
    """A service that starts the parts of the role in order, and stops them in order.

    Parameters
    ----------
    source
        Reads the live scores.
    follower
        Reads the rest.
    partitions
        The joins.
    emitter, dead_letters
        Send reports and dead letters.
    publisher
        Reports.
    cleaner
        Removes reports of old weeks.
    placement
        Compares the partitions of outcomes with those of their leads.
    count_partitions
        Returns the number of partitions of the topics, by name.
    clock
        Gives records their time stamps.
    report_seconds
        Interval of reports.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        source: BatchSource,
        follower: Follower,
        partitions: OutcomePartitions,
        emitter: Emitter,
        dead_letters: SinkDeadLetters,
        publisher: QualityPublisher,
        cleaner: ReportCleaner,
        placement: PlacementWatch,
        clock: RecordClock,
        *,
        count_partitions: Callable[[], Awaitable[Mapping[str, int]]],
        report_seconds: float,
        crash: Crash,
    ) -> None:
        super().__init__()
        self._source = source
        self._follower = follower
        self._partitions = partitions
        self._emitter = emitter
        self._dead_letters = dead_letters
        self._publisher = publisher
        self._cleaner = cleaner
        self._placement = placement
        self._clock = clock
        self._count_partitions = count_partitions
        self._report_seconds = report_seconds
        self._end_worker = crash

    @Service.task
    async def _run(self) -> None:
        try:
            await self._clock.compare()
            await self._emitter.start()
            self._dead_letters.limits.verify()
            self._placement.start(await self._count_partitions())
            self._follower.start()
            await self._source.start()  # last: records come from here on
            while True:
                await self.sleep(self._report_seconds)
                if self.should_stop:
                    return
                await self._publisher.publish()
                await self._cleaner.look()
                self._placement.look()
        except Exception as error:
            await self._end_worker(error)

    async def on_stop(self) -> None:
        """Finish the batches under way, report what has changed, close the stores."""
        if self._source.started:
            await self._source.stop()
            await self._follower.stop()
            await self._publisher.publish()
        await self._partitions.stop()
        if self._source.started:
            await self._emitter.stop()
