"""The Kafka clients of the scoring role, as the settings say. None is connected here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from stream.consume.offset_committer import CommitterMaker, GroupCommitter
from stream.consume.start_offsets import StartOf
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.fetch.bounded_batches import bound_batches
from stream.fetch.bounded_responses import bound_responses
from stream.fetch.memory_budget import MemoryBudget
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.record_batches import raw_limits
from stream.kafka.broker_clock import clock_reader
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.consumer import Consumer, open_consumer
from stream.kafka.group_protocol import OnRefusal
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import producer_opener, transactional_opener
from stream.kafka.record_clock import RecordClock
from stream.kafka.shared_settings import shared_settings
from stream.kafka.topic_ids import TopicIds
from stream.kafka.topic_limits import TopicLimits, limit_reader
from stream.settings import Settings

__all__ = ["KafkaClients"]

EMITTER_STOP_LIMIT = 1.0
"""Seconds: outputs that are not acknowledged by then are not committed, and sent again."""


class KafkaClients:
    """Makes consumers, producers and readers that share a memory budget and a clock.

    Parameters
    ----------
    settings
        The settings of the worker.

    Attributes
    ----------
    budget
        The memory that fetched records may take.
    clock
        Gives records their time stamps, by the broker's clock.
    read_limits
        Asks the broker for the largest batch that topics take.
    offsets
        Fetches the commits of the group.
    topic_ids
        Reads the ids of topics.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.budget = MemoryBudget(settings.memory_budget_mb << 20, settings.max_event_bytes)
        # For the whole process: aiokafka has no option to bound what it decompresses or receives.
        bound_batches(self.budget.batches)
        bound_responses(self.budget.largest_batch_bytes)
        self.clock = RecordClock(clock_reader(settings.kafka_client_options()))
        self.read_limits = limit_reader(settings.kafka_client_options())
        self.offsets = GroupOffsets(settings.kafka_client_options(), settings.group_id)
        self.topic_ids = TopicIds(settings.kafka_client_options())

    def consumer(self, on_refusal: OnRefusal) -> Consumer:
        """Make the consumer of the source topic."""
        settings = self._settings
        return open_consumer(
            settings.kafka_client_options(),
            group_id=settings.group_id,
            session_timeout=settings.session_timeout_ms / 1000,
            metadata_max_age=settings.metadata_max_age_ms / 1000,
            isolation_level=settings.isolation_level,
            group_protocol=settings.group_protocol,
            shared=shared_settings(settings),
            on_refusal=on_refusal,
            budget=self.budget,
        )

    def raw_reader(self) -> RawBatchReader:
        """Make the reader of records that the consumer cannot decode."""
        settings = self._settings
        return RawBatchReader(
            settings.kafka_client_options(),
            settings.isolation_level,
            limits=raw_limits(settings.max_event_bytes),
        )

    def source_log(self) -> LogReader:
        """Make the reader of the source topic beside the group, for drift counts."""
        settings = self._settings
        return LogReader(settings.kafka_client_options(), settings.isolation_level, self.budget)

    def output_log(self) -> LogReader:
        """Make the reader of the output topics; it reads uncommitted records, too.

        Drift counts of aborted outputs may have been published.
        """
        options = self._settings.kafka_client_options()
        return LogReader(options, "read_uncommitted", self.budget)

    def committed_output_log(self) -> LogReader:
        """Make the reader of the output topics that leaves out aborted outputs."""
        options = self._settings.kafka_client_options()
        return LogReader(options, "read_committed", self.budget)

    def emitter(self, topics: Sequence[str]) -> Emitter:
        """Make the idempotent producer of outputs."""
        settings = self._settings
        return Emitter(
            topics,
            producer_opener(settings),
            self.read_limits,
            options=EmitOptions(
                delivery_limit=settings.delivery_timeout_seconds, stop_limit=EMITTER_STOP_LIMIT
            ),
            clock=self.clock,
        )

    def transactions(self, topics: Collection[str], limits: TopicLimits) -> Transactions:
        """Make the delivery of outputs and offsets in transactions."""
        settings = self._settings
        return Transactions(
            topics=tuple(topics),
            connect=transactional_opener(settings),
            read_committed=self.offsets.read,
            limits=limits,
            options=WriterOptions(
                group_id=settings.group_id,
                most_bytes=self.budget.transaction_bytes,
                delivery_limit=settings.delivery_timeout_seconds,
            ),
            clock=self.clock,
        )

    def group_committer(self, start_of: StartOf) -> CommitterMaker:
        """Return what makes the committer of offsets beside the outputs."""
        return partial(
            GroupCommitter,
            read_committed=self.offsets.read,
            start_of=start_of,
            start_limit=self._settings.delivery_timeout_seconds,
        )
