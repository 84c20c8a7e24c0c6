"""The life cycle of a sink: from the target's first answer to the last commit."""

from __future__ import annotations

from mode import Service

from stream.consume.batch_source import BatchSource
from stream.deliver.batch_producer import Emitter
from stream.kafka.record_clock import RecordClock
from stream.process.background_tasks import Crash
from stream.sinks.dead_letters import SinkDeadLetters
from stream.sinks.runner import SinkRunner

__all__ = ["SinkService"]


class SinkService(Service):
    """A service that starts the parts of a sink in order, and stops them in order.

    Nothing is read before the target answers: a worker that can't write must not be a member of
    the group, or its partitions would wait for it.

    Parameters
    ----------
    source
        Reads the records.
    runner
        Writes them.
    emitter, dead_letters
        Send dead letters.
    clock
        Gives records their time stamps.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        source: BatchSource,
        runner: SinkRunner,
        emitter: Emitter,
        dead_letters: SinkDeadLetters,
        clock: RecordClock,
        *,
        crash: Crash,
    ) -> None:
        super().__init__()
        self._source = source
        self._runner = runner
        self._emitter = emitter
        self._dead_letters = dead_letters
        self._clock = clock
        self._end_worker = crash

    @Service.task
    async def _run(self) -> None:
        try:
            if not (await self.wait(self._runner.open())).stopped:
                await self._open_kafka()
        except Exception as error:
            await self._end_worker(error)

    async def _open_kafka(self) -> None:
        await self._clock.compare()
        await self._emitter.start()
        self._dead_letters.limits.verify()
        self._runner.start()
        await self._source.start()  # last: records come from here on

    async def on_stop(self) -> None:
        """Finish the write under way, commit, leave the group, close the connections."""
        if self._source.started:
            # The source first: what its last commit covers must be written by then.
            await self._source.stop()
        await self._runner.stop()
        if self._source.started:
            await self._emitter.stop()
