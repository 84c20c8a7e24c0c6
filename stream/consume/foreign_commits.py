"""Detects commits of the group that no LeadScore worker made or deleted.

Kafka keeps other clients out of the group (stream/kafka/group_protocol.py). What remains: an
operator who resets or deletes an empty group, commits that expire, a client that commits while no
worker runs, and a transactional producer, which may commit for any group.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from aiokafka import TopicPartition

from schemas.errors import StartupError
from stream.consume.partition_progress import PartitionProgress
from stream.kafka.commit_metadata import Commit

__all__ = ["Direction", "ForeignCommit", "ForeignCommits"]

log = logging.getLogger(__name__)

Direction = Literal["forward", "backward", "unknown"]


class ForeignCommit(NamedTuple):
    """A commit that no LeadScore worker made.

    Attributes
    ----------
    partition
        A partition of the source topic.
    offset
        The committed offset.
    before
        The offset that the workers had reached; None where it is not known.
    """

    partition: TopicPartition
    offset: int
    before: int | None

    @property
    def direction(self) -> Direction:
        """Which way the group's offset was moved."""
        if self.before is None:
            return "unknown"
        return "forward" if self.offset > self.before else "backward"

    @property
    def moved(self) -> int:
        """How many offsets it was moved by; 0 where that is not known."""
        return 0 if self.before is None else abs(self.offset - self.before)


class ForeignCommits:
    """Reports commits that no LeadScore worker made.

    Parameters
    ----------
    report
        Called with each.
    stops
        Whether a worker stops when a partition would start at such a commit.
    """

    def __init__(self, report: Callable[[ForeignCommit], None], *, stops: bool) -> None:
        self._report = report
        self._stops = stops

    def found_at_start(
        self, partition: TopicPartition, commit: Commit, emitted: int | None
    ) -> None:
        """Report a commit without LeadScore's metadata at which a partition is about to start.

        Parameters
        ----------
        partition, commit
            The partition, and its commit.
        emitted
            Offset after the last record of which there is an output; 0 where there is none, None
            where that is not known.

        Raises
        ------
        StartupError
            The settings say to stop at such a commit.
        """
        if commit.offset == emitted:
            log.info(
                "the commit of %s at %d lacks LeadScore's metadata, but is where the outputs end: "
                "it is treated as a commit of an earlier version",
                partition,
                commit.offset,
            )
            return
        found = ForeignCommit(partition, commit.offset, emitted or None)
        self._report(found)
        sentence = f"The commit of {partition} at {commit.offset} is none of a LeadScore worker"
        if found.direction == "forward":
            effect = f"outputs end at {emitted}: {found.moved} offsets were skipped, not scored"
        elif found.direction == "backward":
            effect = f"outputs end at {emitted}: {found.moved} offsets are scored again"
        elif emitted is None:
            effect = "the outputs could not be read, so it is not compared with them"
        else:
            effect = "there are no outputs to compare it with"
        self._raise_or_log(f"{sentence}; {effect}")

    def missing_at_start(self, partition: TopicPartition, start: int, emitted: int) -> None:
        """Report that the commit of a partition is missing though records of it were scored.

        Parameters
        ----------
        partition
            Is about to start.
        start
            Where its log begins.
        emitted
            Offset after the last record of which there is an output; above ``start``.

        Raises
        ------
        StartupError
            The settings say to stop.
        """
        found = ForeignCommit(partition, start, emitted)
        self._report(found)
        sentence = (
            f"The group has no commit of {partition}, but outputs reach offset {emitted}: the "
            "commit was deleted or has expired, or the topic was created again and its new log is "
            f"longer by now; {found.moved} offsets are scored again, and unread records of an "
            "earlier log are lost"
        )
        self._raise_or_log(sentence)

    def unknown_at_start(self, partition: TopicPartition) -> None:
        """Report that a partition has no commit, and that its outputs can't be read.

        Parameters
        ----------
        partition
            Is about to start, at its log's start.

        Raises
        ------
        StartupError
            The settings say to stop at a commit that was deleted: this may be one.
        """
        sentence = (
            f"The group has no commit of {partition}. Whether it was deleted is not known, as the "
            "scored leads can't be read"
        )
        if self._stops:
            raise StartupError(
                f"{sentence}. Give the worker the right Read on their topic, or start it once with "
                "LEADSCORE_FOREIGN_COMMITS=accept; see docs/runbook.md#leadscoreforeigncommit."
            )
        log.warning("%s; reading from the log's start", sentence)

    def _raise_or_log(self, sentence: str) -> None:
        remedy = "see docs/runbook.md#leadscoreforeigncommit"
        if self._stops:
            raise StartupError(
                f"{sentence}. Set the group's offset, then start a worker once with "
                f"LEADSCORE_FOREIGN_COMMITS=accept; {remedy}."
            )
        log.error("%s; %s", sentence, remedy)

    def found_while_assigned(
        self,
        ours: Mapping[TopicPartition, PartitionProgress],
        expected: Mapping[TopicPartition, int | None],
        found: Mapping[TopicPartition, Commit | None],
    ) -> None:
        """Report foreign commits of assigned partitions, and schedule commits that replace them.

        Parameters
        ----------
        ours
            The assignment under which the commits were fetched.
        expected
            By partition, our own latest commit before they were fetched.
        found
            What was fetched.
        """
        for partition, commit in found.items():
            progress = ours.get(partition)
            if progress is None or commit is None or commit.is_ours or progress.committed is None:
                continue
            if commit.offset in (expected.get(partition), progress.committed):
                continue
            foreign = ForeignCommit(partition, commit.offset, progress.committed)
            self._report(foreign)
            log.error(
                "The group's offset of %s was moved from %d to %d (%s by %d), not by a LeadScore "
                "worker: the worker commits its own offset again; see "
                "docs/runbook.md#leadscoreforeigncommit",
                partition,
                progress.committed,
                commit.offset,
                foreign.direction,
                foreign.moved,
            )
            progress.committed = None  # makes a commit of this worker due
