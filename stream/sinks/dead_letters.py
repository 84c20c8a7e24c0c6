"""Dead letters of a sink: records that its target will never accept."""

from __future__ import annotations

from collections.abc import Sequence

from agents.dead_letters import DeadLetter
from schemas.headers import dead_letter_headers
from stream.deliver.batch_producer import Emitter
from stream.deliver.sending import RecordsTooLargeError
from stream.scoring.output_limits import OutputLimits
from stream.sinks.reading import Unwritable
from stream.sinks.sink import Log

__all__ = ["SINK_NAME", "SinkDeadLetters"]

SINK_NAME = "leadscore.sink"
"""Header of a dead letter: the sink that it comes from."""


class SinkDeadLetters:
    """Writes dead letters to the topic of the sinks.

    Parameters
    ----------
    emitter
        Sends them.
    topic
        The topic; a dead letter keeps the partition number of its source.
    sink
        Name of the sink, for a header; None: no sink sends them.
    content
        Name of the records' schema, for a header.
    """

    def __init__(self, emitter: Emitter, topic: str, *, sink: str | None, content: str) -> None:
        self.limits = OutputLimits(emitter.limits, topic, topic)
        self._emitter = emitter
        self._topic = topic
        self._sink = None if sink is None else sink.encode()
        self._content = content

    async def send(self, log: Log, records: Sequence[Unwritable]) -> None:
        """Send dead letters, and wait until they are delivered.

        Raises
        ------
        FatalError
            They could not be delivered.
        """
        letters = [self._letter(log, unwritable) for unwritable in records]
        while letters:  # each refusal as too large lowers the limit, so the next form is smaller
            rows = [self.limits.fitting(letter) for letter in letters]
            refused: list[int] = []
            for sent in await self._emitter.send(self._topic, log.partition, rows):
                try:
                    await sent
                except RecordsTooLargeError as error:
                    refused += error.positions
            letters = [letters[row] for row in refused]

    def _letter(self, log: Log, unwritable: Unwritable) -> DeadLetter:
        record, error = unwritable
        headers = dead_letter_headers(
            [header for header in record.headers if header[0] != SINK_NAME],
            topic=log.topic,
            partition=log.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            error=error,
            schema=self._content,
        )
        if self._sink is not None:
            headers.append((SINK_NAME, self._sink))
        return DeadLetter(0, error.code, (record.key, record.value, headers))
