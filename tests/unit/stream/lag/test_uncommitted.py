"""Offsets that a group has not committed."""

from __future__ import annotations

from aiokafka import TopicPartition

from stream.lag.uncommitted import uncommitted_offsets

FIRST, SECOND = TopicPartition("leads.created", 0), TopicPartition("leads.created", 1)


def test_the_lag_is_the_sum_of_what_is_not_committed() -> None:
    assert uncommitted_offsets({FIRST: 100, SECOND: 50}, {FIRST: 90, SECOND: 45}) == 15


def test_a_partition_without_a_commit_is_not_read_yet() -> None:
    assert uncommitted_offsets({FIRST: 100, SECOND: 50}, {FIRST: 90}) == 10


def test_a_log_that_was_created_again_is_no_lag() -> None:
    assert uncommitted_offsets({FIRST: 100}, {FIRST: 120}) == 0


def test_a_group_without_a_commit_has_an_unknown_lag() -> None:
    assert uncommitted_offsets({FIRST: 100}, {}) is None
