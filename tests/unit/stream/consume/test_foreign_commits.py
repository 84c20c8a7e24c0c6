"""Commits of the group that no LeadScore worker made."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from schemas.errors import StartupError
from stream.consume.foreign_commits import ForeignCommit, ForeignCommits
from stream.consume.partition_progress import PartitionProgress
from stream.kafka.commit_metadata import Commit, metadata_of

AT = TopicPartition("leads", 3)


class Watch:
    def __init__(self, *, stops: bool = False) -> None:
        self.found: list[ForeignCommit] = []
        self.foreign = ForeignCommits(self.found.append, stops=stops)


@pytest.mark.parametrize(
    ("offset", "emitted", "direction", "moved", "words"),
    [
        (90, 40, "forward", 50, "50 offsets were skipped, not scored"),
        (10, 40, "backward", 30, "30 offsets are scored again"),
        (10, 0, "unknown", 0, "no outputs to compare it with"),
    ],
)
def test_a_reset_is_reported_with_how_far_it_went(
    caplog: pytest.LogCaptureFixture,
    offset: int,
    emitted: int,
    direction: str,
    moved: int,
    words: str,
) -> None:
    watch = Watch()
    watch.foreign.found_at_start(AT, Commit(offset), emitted)
    [found] = watch.found
    assert (found.direction, found.moved) == (direction, moved)
    assert words in caplog.text
    assert f"at {offset} is none of a LeadScore worker" in caplog.text


def test_an_earlier_versions_clean_commit_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(stops=True)
    watch.foreign.found_at_start(AT, Commit(40), 40)
    assert watch.found == []


def test_a_worker_stops_where_the_settings_say_so() -> None:
    watch = Watch(stops=True)
    with pytest.raises(StartupError, match="LEADSCORE_FOREIGN_COMMITS=accept"):
        watch.foreign.found_at_start(AT, Commit(90), 40)
    assert len(watch.found) == 1


def progress(committed: int | None, done: int = 60) -> dict[TopicPartition, PartitionProgress]:
    entry = PartitionProgress(committed)
    entry.done_offset = done
    return {AT: entry}


def test_a_commit_that_moves_our_partition_is_reported_once_and_replaced() -> None:
    watch, ours = Watch(), progress(60)
    for _ in range(2):
        watch.foreign.found_while_assigned(ours, {AT: 60}, {AT: Commit(500)})
    assert watch.found == [ForeignCommit(AT, 500, 60)]
    assert ours[AT].is_due


@pytest.mark.parametrize(
    "found",
    [None, Commit(50, metadata_of(50, None)), Commit(60), Commit(40)],
    ids=["none", "ours, as of a moment ago", "where we are", "where we were"],
)
def test_a_foreign_commit_that_moves_nothing_is_accepted(found: Commit | None) -> None:
    watch, ours = Watch(), progress(60)
    watch.foreign.found_while_assigned(ours, {AT: 40}, {AT: found})
    assert watch.found == []
    assert not ours[AT].is_due


def test_a_partition_that_is_not_ours_any_more_is_left_alone() -> None:
    watch = Watch()
    watch.foreign.found_while_assigned({}, {AT: 40}, {AT: Commit(500)})
    watch.foreign.found_while_assigned(progress(None), {AT: None}, {AT: Commit(500)})
    assert watch.found == []
