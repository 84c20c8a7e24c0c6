"""Progress of a replayed partition: the account covers exactly what is committed."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from agents.scored_batch import ScoredBatch
from schemas.model_identity import ModelIdentity
from stream.consume.partition_progress import Batch
from stream.replay.account import Account, AccountedPin
from stream.replay.progress import ReplayAssignment, ReplayProgress

PARTITION = TopicPartition("leads.created", 0)
MODEL = ModelIdentity("leads", "3", "9f" * 32)
START = 100


class FakeRecord:
    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.timestamp = 0


def batch_of(start: int, end: int) -> Batch:
    records: Any = [FakeRecord(offset) for offset in range(start, end)]
    batch = Batch(PARTITION, records)
    assert batch.begin()
    return batch


def outcome_of(scored: int) -> ScoredBatch:
    empty: Any = np.zeros(0)
    outputs: Any = [None] * scored
    return ScoredBatch(outputs, [], [], [], empty, empty, empty, empty)


NOTHING = Account()


def progress_of(account: Account = NOTHING) -> ReplayProgress:
    return ReplayProgress(START + account.offsets, AccountedPin(MODEL, START, account=account))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.integers(1, 5)),
        st.tuples(st.just("filtered"), st.integers(1, 5)),
        st.tuples(st.just("done"), st.integers(0, 3)),
        st.tuples(st.just("commit"), st.just(0)),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_is_done_in_whatever_order_the_account_covers_what_is_committed(
    steps: list[tuple[str, int]],
) -> None:
    """A kill at any commit leaves an account of exactly the offsets below it."""
    progress, position = progress_of(), START
    in_flight: deque[tuple[Batch, int]] = deque()
    for step, number in steps:
        if step == "batch":
            batch = batch_of(position, position + number)
            progress.add(batch)
            in_flight.append((batch, number))
            position += number
        elif step == "filtered":
            progress.passed(Account(filtered=number))
            position += number
        elif step == "done" and number < len(in_flight):
            batch, size = in_flight[number]
            del in_flight[number]
            batch.done()
            progress.scored(batch, outcome_of(size))
        progress.pass_gap(position)
        if progress.done_offset is not None:
            offset, pin = progress.to_commit()
            assert isinstance(pin, AccountedPin)
            assert pin.account.offsets == offset - START


def test_records_that_are_left_out_wait_for_the_batch_before_them() -> None:
    progress = progress_of()
    batch = batch_of(START, START + 3)
    progress.add(batch)
    progress.passed(Account(filtered=2))
    progress.pass_gap(START + 5)
    assert progress.done_offset is None
    batch.done()
    progress.scored(batch, outcome_of(3))
    progress.settle()
    assert (progress.done_offset, progress.account) == (START + 3, Account(scored=3))
    progress.pass_gap(START + 5)
    assert progress.done_offset == START + 5
    assert progress.account == Account(scored=3, filtered=2)


def test_a_resumed_partition_adds_to_the_account_of_its_commit() -> None:
    progress = progress_of(Account(scored=4, expired=6))
    assert not progress.is_due
    progress.passed(Account(gaps=1))
    progress.pass_gap(START + 11)
    assert progress.to_commit()[1] == AccountedPin(
        MODEL, START, account=Account(scored=4, expired=6, gaps=1)
    )


def test_a_partition_of_an_assignment_starts_with_the_account_of_its_commit() -> None:
    assignment = ReplayAssignment(1, [PARTITION])
    assert assignment.progress(PARTITION) is None
    assignment.start(PARTITION, START, AccountedPin(MODEL, START))
    progress = assignment.progress(PARTITION)
    assert progress is not None
    assert progress.committed == START
