"""Read the lag of a group on every partition that it has committed, or on named topics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from stream.kafka.producer import is_retriable
from stream.lag.backlog import look
from stream.lag.catch_up import CatchUp
from stream.lag.figures import Backlog, GroupLag, Offsets, lag_from
from stream.lag.log_view import LogView
from stream.process.backoff import retry

__all__ = ["GroupTopics", "LagReader"]

log = logging.getLogger(__name__)


class GroupTopics(NamedTuple):
    """A group, and the topics whose lag is read."""

    group: str
    topics: tuple[str, ...] = ()
    """Topics to show also without a commit."""
    only_these: bool = False
    """Whether other topics that the group has committed are left out."""


class LagReader:
    """Reads lags, and measures rates from one reading to the next.

    Parameters
    ----------
    view
        Reads offsets and records.
    now
        Returns seconds since 1970, by Kafka's clock if it is known.
    monotonic
        Returns the seconds of a monotonic clock.
    """

    def __init__(
        self, view: LogView, *, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._view = view
        self._now = now
        self._monotonic = monotonic
        self._rates = CatchUp()
        self._found: dict[tuple[str, TopicPartition], tuple[Offsets, Backlog]] = {}

    async def read(self, asked: Sequence[GroupTopics]) -> list[GroupLag]:
        """Read the lag of groups, by group, topic and partition.

        A caller sets a deadline: a coordinator that is loading a group is asked again.

        Raises
        ------
        KafkaError
            Kafka does not answer or refuses.
        """
        lags = [lag for one in asked for lag in await self._read_group(one)]
        keys = {(lag.group, TopicPartition(lag.topic, lag.partition)) for lag in lags}
        self._rates.keep(keys)
        self._found = {key: found for key, found in self._found.items() if key in keys}
        return lags

    async def _read_group(self, asked: GroupTopics) -> list[GroupLag]:
        commits = await retry(
            lambda: self._view.commits(asked.group),
            doing=f"reading the commits of group {asked.group}",
            may_pass=is_retriable,
            level=logging.INFO,  # a new cluster has no coordinator at first
            log=log,
        )
        partitions = await self._partitions(asked, commits.keys())
        bounds = await self._view.bounds(partitions)
        at = self._monotonic()
        lags = []
        for partition in partitions:
            offsets = Offsets(commits.get(partition), *bounds[partition])
            key = asked.group, partition
            if offsets.position is not None:
                self._rates.note(key, at, offsets.position, offsets.end)
            backlog = await self._backlog(key, offsets)
            where = asked.group, partition.topic, partition.partition
            lag = lag_from(where, offsets, backlog, self._now())
            lags.append(lag.with_rates(self._rates.rates(key)))
        return lags

    async def _partitions(
        self, asked: GroupTopics, committed: Collection[TopicPartition]
    ) -> Sequence[TopicPartition]:
        topics = set(asked.topics)
        if not asked.only_these:
            topics |= {partition.topic for partition in committed}
        return await self._view.partitions(topics)

    async def _backlog(self, key: tuple[str, TopicPartition], offsets: Offsets) -> Backlog | None:
        """Look at the records, unless neither position nor end have moved since the last time."""
        _, partition = key
        position = offsets.position
        if position is None or position >= offsets.end:
            return None
        before = self._found.get(key)
        if before is not None and before[0] == offsets:
            return before[1]
        try:
            found = await look(self._view.records, partition, position, offsets.end)
        except OffsetOutOfRangeError:  # retention removed records since the bounds were read
            return Backlog(offsets.end - position, False, None)
        self._found[key] = offsets, found
        return found
