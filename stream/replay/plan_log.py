"""The topic of plans: a compacted log of replays, one key each."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Container
from contextlib import aclosing
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.errors import FatalError, InputError, StartupError
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.lenient_polls import Take, all_readable, readable
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_admin import partition_counts
from stream.replay.account import Account
from stream.replay.plan import ReplayPlan, ReplayRecord, State
from stream.settings import Settings

__all__ = ["PlanLog", "read_record", "require_plan_topic"]

log = logging.getLogger(__name__)


def read_record(value: bytes | None) -> ReplayRecord:
    """Read the record of a replay.

    Raises
    ------
    StartupError
        It is of a later version, or damaged.
    """
    try:
        return ReplayRecord.model_validate_json(value or b"")
    except ValidationError as error:
        raise StartupError(
            "expected the record of a replay in a format that this version knows, but"
            f" {error.errors()[0]['msg']}: use the version of LeadScore that wrote it"
        ) from None


def require_plan_topic(settings: Settings, counts: Container[str]) -> None:
    """Check that the topic of plans is among the topics that exist.

    Raises
    ------
    StartupError
        It is not.
    """
    if settings.leads_replays not in counts:
        raise StartupError(
            f"expected the topic {settings.leads_replays}, but it does not exist: create it with"
            " `leadscore topics create`"
        )


class PlanLog:
    """Writes plans and ends of replays, and reads them.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    use
        What it is read for: a missing right is named with it.
    """

    def __init__(self, settings: Settings, use: Use = Use.REPLAY) -> None:
        self._use = use
        self._settings = settings
        self._connection = settings.kafka_client_options()
        self._at = TopicPartition(settings.leads_replays, 0)
        self._reader = LogReader(self._connection, "read_committed")

    async def write(
        self, state: State, plan: ReplayPlan, accounts: dict[int, Account] | None = None
    ) -> None:
        """Write a record, and return when all in-sync replicas have it.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        record = ReplayRecord(
            state=state, plan=plan, accounts=accounts or {}, written_at=datetime.now(UTC)
        )
        producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        try:
            await producer.start()
            await producer.send_and_wait(
                *(self._at.topic, record.model_dump_json().encode(), plan.id.encode()),
                partition=self._at.partition,
            )
        except KafkaError as error:
            raise FatalError(
                f"expected {self._at.topic} to take the record of replay {plan.id}, but Kafka"
                f" answered {error!r}: check that this user may write to the topic"
            ) from error
        finally:
            await closed(producer.stop())

    async def replays(self) -> dict[str, ReplayRecord]:
        """Return the latest record of each replay, by id, the oldest replay first.

        A record that is damaged, or of a later version, is left out with a warning. This is for a
        list: `get` finds out whether a replay was planned.

        Raises
        ------
        StartupError
            Kafka can't be reached, or a right or the topic is missing.
        FatalError
            Kafka stopped answering.
        """
        latest = await self._latest()
        records = {key: self._readable(key, value) for key, value in latest.items()}
        found = {key: record for key, record in records.items() if record is not None}
        return dict(sorted(found.items(), key=lambda item: item[1].plan.created_at))

    def _readable(self, replay_id: str, value: bytes) -> ReplayRecord | None:
        try:
            return read_record(value)
        except StartupError as error:
            log.warning("%s: the record of replay %r: %s", self._at.topic, replay_id, error)
            return None

    async def _latest(self, take: Take = readable) -> dict[str, bytes]:
        require_plan_topic(self._settings, await partition_counts(self._settings, self._use))
        latest: dict[str, bytes | None] = {}
        try:
            end = await self._reader.end_offset(self._at)
            if end:  # aiokafka hangs if a consumer is stopped at once
                async for records in self._reader.read(self._at, 0, end, take=take):
                    for record in records:
                        latest[(record.key or b"").decode(errors="replace")] = record.value
        except KafkaError as error:
            raise FatalError(
                f"expected to read {self._at.topic}, but Kafka answered {error!r}: check that this"
                " user may read the topic"
            ) from error
        return {key: value for key, value in latest.items() if value is not None}

    async def get(self, replay_id: str) -> ReplayRecord | None:
        """Return the latest record of a replay; None if it was never planned.

        Raises
        ------
        StartupError
            Its record is of a later version, or damaged.
        FatalError
            Kafka stopped answering, or a record of the topic can't be read: it may be the end of
            this replay, which would then run a second time.
        """
        found = (await self._latest(all_readable)).get(replay_id)
        return None if found is None else read_record(found)

    async def find(self, replay_id: str) -> ReplayRecord:
        """Return the latest record of a replay.

        Raises
        ------
        InputError
            There is no such replay.
        StartupError, FatalError
            See ``get``.
        """
        if (found := await self.get(replay_id)) is not None:
            return found
        last = ", ".join([*await self.replays()][-5:]) or "none"
        raise InputError(
            f"expected the id of a replay, but {self._at.topic} has no {replay_id!r}; the last"
            f" ones are: {last}. `leadscore replay list` shows all"
        )

    async def follow(self, replay_id: str) -> AsyncIterator[ReplayRecord]:
        """Yield the readable records of a replay that are written from now on, without end."""
        end = await self._reader.end_offset(self._at)
        async with aclosing(self._reader.follow(self._at, end)) as steps:
            async for records in steps:
                for record in records:
                    if record.key != replay_id.encode() or record.value is None:
                        continue
                    if found := self._readable(replay_id, record.value):
                        yield found
