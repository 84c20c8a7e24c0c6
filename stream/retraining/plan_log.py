"""The topic of plans: a compacted log of retrainings, one key each."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from schemas.errors import FatalError, InputError, StartupError
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.lenient_polls import all_readable
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_admin import partition_counts
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord
from stream.settings import Settings

__all__ = ["RetrainLog"]

log = logging.getLogger(__name__)


class RetrainLog:
    """Writes plans and ends of retrainings, and reads them.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    use
        What it is read for: a missing right is named with it.
    """

    def __init__(self, settings: Settings, use: Use = Use.RETRAIN) -> None:
        self._use = use
        self._settings = settings
        self._connection = settings.kafka_client_options()
        self._at = TopicPartition(settings.leads_retrains, 0)
        self._reader = LogReader(self._connection, "read_committed")

    async def write(self, plan: RetrainPlan, account: RetrainAccount | None = None) -> None:
        """Write a plan, or the end of a retraining; return when all in-sync replicas have it.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        record = RetrainRecord(
            state="planned" if account is None else "ended",
            plan=plan,
            account=account,
            written_at=datetime.now(UTC),
        )
        await self._send(self._at.topic, plan.id, record.model_dump_json().encode())

    async def request(self, request_id: str, value: bytes) -> None:
        """Write a request for a retraining.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        await self._send(self._settings.leads_retrain, request_id, value)

    async def _send(self, topic: str, key: str, value: bytes) -> None:
        producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        try:
            await producer.start()
            await producer.send_and_wait(topic, value, key.encode(), partition=0)
        except KafkaError as error:
            raise FatalError(
                f"expected {topic} to take the record of retraining {key}, but Kafka answered"
                f" {error!r}: check that this user may write to the topic"
            ) from error
        finally:
            await closed(producer.stop())

    async def records(self) -> dict[str, RetrainRecord]:
        """Return the latest record of each retraining, by id, the oldest retraining first.

        Raises
        ------
        StartupError
            Kafka can't be reached, or a right or the topic is missing; or a record is of a later
            version: whether that retraining runs is then unknown.
        FatalError
            Kafka stopped answering.
        """
        counts = await partition_counts(self._settings, self._use)
        if self._at.topic not in counts:
            raise StartupError(
                f"expected the topic {self._at.topic}, but it does not exist: create it with"
                " `leadscore topics create`"
            )
        latest: dict[str, RetrainRecord] = {}
        try:
            end = await self._reader.end_offset(self._at)
            if end:  # aiokafka hangs if a consumer is stopped at once
                async for batch in self._reader.read(self._at, 0, end, take=all_readable):
                    for record in batch:
                        if record.value is not None:
                            found = _read(record.value)
                            latest[found.plan.id] = found
        except KafkaError as error:
            raise FatalError(
                f"expected to read {self._at.topic}, but Kafka answered {error!r}: check that this"
                " user may read the topic"
            ) from error
        return dict(sorted(latest.items(), key=lambda item: item[1].plan.created_at))

    async def find(self, retrain_id: str) -> RetrainRecord:
        """Return the latest record of a retraining.

        Raises
        ------
        InputError
            There is no such retraining.
        """
        found = await self.records()
        if retrain_id in found:
            return found[retrain_id]
        last = ", ".join([*found][-5:]) or "none"
        raise InputError(
            f"expected the id of a retraining, but {self._at.topic} has no {retrain_id!r}; the"
            f" last ones are: {last}. `leadscore retrain list` shows all"
        )


def _read(value: bytes) -> RetrainRecord:
    try:
        return RetrainRecord.model_validate_json(value)
    except ValidationError as error:
        raise StartupError(
            "expected the record of a retraining in a format that this version knows, but"
            f" {error.errors()[0]['msg']}: use the version of LeadScore that wrote it"
        ) from None
