"""The changes of a model's aliases, published to a topic in the order of its history."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka import TopicPartition

from agents.records import Output
from model.alias import Alias
from model.alias_entry import AliasEntry
from schemas.record_codec import RecordCodec
from stream.deliver.batch_producer import Emitter
from stream.kafka.log_reader import LogReader

__all__ = ["ChangeLog"]

PARTITION = 0
LOOKED_AT = 2000
"""Latest records among which a model's last change is looked for."""


class ChangeLog:
    """Publishes the entries of a model's history that the topic does not have yet.

    Parameters
    ----------
    model
        Its name.
    topic
        The topic.
    emitter
        Sends to it.
    reader
        Reads it.
    """

    def __init__(self, model: str, topic: str, emitter: Emitter, reader: LogReader) -> None:
        self._model = model
        self._topic = topic
        self._emitter = emitter
        self._reader = reader
        self._codec = RecordCodec("model_change")
        self._published: int | None = None

    def forget(self) -> None:
        """Read the topic again before the next change: another agent may have written it."""
        self._published = None

    async def publish(self, entries: Sequence[AliasEntry]) -> None:
        """Publish what is new of a history."""
        if self._published is None:
            self._published = await self._last_number()
        news = [entry for entry in entries if entry.number > self._published]
        rows: list[Output] = [
            (f"{self._model}/{entry.number}".encode(), self._encoded(entry), []) for entry in news
        ]
        for delivery in await self._emitter.send(self._topic, PARTITION, rows):
            await delivery
        self._published = max((entry.number for entry in news), default=self._published)

    async def _last_number(self) -> int:
        numbers = [0]
        for record in await self._reader.last(TopicPartition(self._topic, PARTITION), LOOKED_AT):
            try:
                change = self._codec.decode(record.value)
            except ValueError:
                continue  # of another kind
            if change["model_id"] == self._model:
                numbers.append(change["number"])
        return max(numbers)

    def _encoded(self, entry: AliasEntry) -> bytes:
        return self._codec.encode(
            {
                "model_id": self._model,
                "number": entry.number,
                "changed_at": round(entry.at.timestamp() * 1000),
                "changed_by": entry.by,
                "reason": entry.why,
                "action": str(entry.action),
                "alias": None if entry.alias is None else str(entry.alias),
                "from_version": entry.was,
                "to_version": entry.to,
                "production": entry.aliases.get(Alias.PRODUCTION),
                "canary": entry.aliases.get(Alias.CANARY),
                "canary_share": None if entry.rollout is None else entry.rollout.share,
            }
        )
