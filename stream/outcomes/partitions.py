"""The joins of the assigned partitions, each with its store in a folder of its own.

A store says itself how far it has read, so the group's commits are ignored: a partition continues
where the store of this machine ends, however old that is, and a new machine reads the logs from
their start.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from aiokafka import TopicPartition

from agents.outcomes.kinds import OutcomeKinds
from agents.outcomes.lead_state import JoinOptions
from agents.outcomes.lead_timers import HOT, SPEED_TO_LEAD, TimerOptions
from agents.outcomes.partition_join import PartitionJoin
from agents.outcomes.progress import SCORES, Progress
from agents.outcomes.store import OutcomeStore
from agents.outcomes.stored_timers import StoredTimers
from schemas.errors import FatalError
from stream.consume.start_offsets import Start
from stream.kafka.commit_metadata import Commit
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.thread_calls import in_thread
from stream.settings import Settings

if TYPE_CHECKING:
    from agents.quality.concept_watch import ConceptWatch

__all__ = ["OutcomePartitions", "join_options", "signature_of", "timer_options"]

log = logging.getLogger(__name__)

SIGNATURE = "settings.json"
"""File beside a store: the settings and topics that it was made with."""
FORMAT = 4
"""Version of a store, and of the rules by which it counts: stores of another one are made again."""
LOCK_LOOK = 0.2
"""Seconds between two attempts to open a store that another process has open."""
MINUTE_MS, DAY_MS = 60_000, 86_400_000


def join_options(settings: Settings) -> JoinOptions:
    """Return which outcomes count, by the settings."""
    return JoinOptions(
        horizon_ms=round(settings.outcome_horizon_days * DAY_MS),
        late_ms=round(settings.outcome_late_days * DAY_MS),
        reported_ms=settings.outcome_report_weeks * 7 * DAY_MS,
    )


def timer_options(settings: Settings) -> TimerOptions:
    """Return which timers run, by the settings."""
    minutes = {HOT: settings.hot_minutes, SPEED_TO_LEAD: settings.speed_to_lead_minutes}
    return TimerOptions(
        {timer: round(value * MINUTE_MS) for timer, value in minutes.items() if value is not None},
        frozenset(settings.hot_bands),
        join_options(settings).kept_ms,
    )


def signature_of(settings: Settings, topic_ids: Mapping[str, str | None]) -> bytes:
    """Return what a store depends on: with other settings or topics it is made again."""
    return orjson.dumps(
        {
            "format": FORMAT,
            "horizon_days": settings.outcome_horizon_days,
            "late_days": settings.outcome_late_days,
            "time": settings.outcome_time,
            "positive": settings.outcome_positive,
            "negative": settings.outcome_negative,
            "topics": dict(topic_ids),
        }
    )


class OutcomePartitions:
    """Opens and closes the joins of partitions.

    Parameters
    ----------
    settings
        The settings of the worker.
    open_store
        Opens the store in a folder; raises a BlockingIOError while another process has it open.
    topic_id
        Reads the id of a topic; None where it has none.
    on_open
        Called with each partition whose store is open, and how far it is.
    crash
        Called with an unrecoverable error.
    make_watch
        Makes the detectors of changes in the errors of scores; None: there are none.

    Attributes
    ----------
    turn
        Whoever uses a join holds it.
    joins
        By partition.
    """

    def __init__(
        self,
        settings: Settings,
        open_store: Callable[[Path], OutcomeStore],
        *,
        topic_id: Callable[[str], Awaitable[str | None]],
        on_open: Callable[[int, Progress], None],
        crash: Crash,
        make_watch: Callable[[], ConceptWatch] | None = None,
    ) -> None:
        assert settings.outcome_store is not None, "the settings require it for the role"
        self.turn = asyncio.Lock()
        self.joins: dict[int, PartitionJoin] = {}
        self._settings = settings
        self._folder = settings.outcome_store / settings.leads_scored
        self._open_store = open_store
        self._topic_id = topic_id
        self._on_open = on_open
        self._stores: dict[int, OutcomeStore] = {}
        self._assigned: frozenset[int] = frozenset()
        self._opening = asyncio.Lock()
        self._tasks = BackgroundTasks(crash)
        self._make_watch = make_watch
        self._kinds = OutcomeKinds(settings.outcome_positive, settings.outcome_negative)
        self._timers = timer_options(settings)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Close the stores of partitions that are not assigned any more."""
        self._assigned = frozenset(at.partition for at in partitions)
        self._tasks.start(self._close_others())

    async def _close_others(self) -> None:
        async with self._opening, self.turn:
            for number in self._stores.keys() - self._assigned:
                del self.joins[number]
                await in_thread(self._stores.pop(number).close)

    async def start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        """Return where a partition continues: where its store ends, whatever is committed.

        Raises
        ------
        FatalError
            The store can't be opened.
        """
        await self._close_others()  # first: another worker may wait for a store that it got from us
        async with self._opening:
            topics = (
                *(partition.topic, self._settings.leads_scored_shadow),
                self._settings.leads_outcomes,
            )
            ids = {topic: await self._topic_id(topic) for topic in topics}
            if partition.partition not in self.joins:
                await self._open(partition.partition, signature_of(self._settings, ids))
            async with self.turn:
                progress = self.joins[partition.partition].progress
            self._on_open(partition.partition, progress)
        return Start(
            progress.offsets.get(SCORES[0]),
            topic_id=ids[partition.topic],
            has_commit=commit is not None,
        )

    async def _open(self, number: int, signature: bytes) -> None:
        folder = self._folder / str(number)
        is_reported = False
        while True:
            try:
                store = await in_thread(lambda: self._opened(folder, signature))
                break
            except BlockingIOError:
                if not is_reported:
                    log.warning("another process has %s open: waiting until it closes it", folder)
                is_reported = True
                await asyncio.sleep(LOCK_LOOK)
            except OSError as error:
                raise FatalError(
                    f"expected to open the store {folder}, but {error}: check the disk and the"
                    " owner of the folder; if its files are damaged, delete the folder, and it is"
                    " made again from the topics"
                ) from error
        options = join_options(self._settings)
        self._stores[number] = store
        self.joins[number] = await in_thread(
            lambda: PartitionJoin(
                *(store, options, self._kinds, self._make_watch),
                StoredTimers(store, self._timers) if self._timers.lengths else None,
            )
        )

    def _opened(self, folder: Path, signature: bytes) -> OutcomeStore:
        """Open a store; one that was made with other settings or topics is made again."""
        mark = folder.with_name(f"{folder.name}.{SIGNATURE}")
        if folder.exists() and not (mark.exists() and mark.read_bytes() == signature):
            self._open_store(folder).close()  # raises if another process has it open
            log.warning("%s was made with other settings or topics: it is rebuilt", folder)
            shutil.rmtree(folder)
        store = self._open_store(folder)
        mark.write_bytes(signature)
        return store

    async def stop(self) -> None:
        """Close all stores."""
        await self._tasks.cancel()
        self._assigned = frozenset()
        await self._close_others()
