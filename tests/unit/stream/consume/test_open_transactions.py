"""Open transactions: a partition that waits for one is reported once, and only after a while."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from stream.consume.open_transactions import REPORT_AFTER, OpenTransactions

TP = TopicPartition("leads", 0)


def test_a_transaction_that_stays_open_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "stream.consume.open_transactions")
    transactions = OpenTransactions()
    transactions.look(TP, 10, 12, time=0.0)
    assert caplog.messages == []
    for time in (REPORT_AFTER, REPORT_AFTER + 1.0):
        transactions.look(TP, 10, 15, time=time)
    [message] = caplog.messages
    assert message.startswith("leads/0: 5 offsets from 10 on wait for a transaction")
    transactions.look(TP, 15, 15, time=REPORT_AFTER + 2.0)
    assert caplog.messages[1:] == ["leads/0: the open transaction has ended"]


@pytest.mark.parametrize(
    ("stable", "end"), [(-1, 12), (12, 12), (None, None)], ids=["uncommitted", "none", "unknown"]
)
def test_a_partition_without_an_open_transaction_is_not_reported(
    stable: int | None, end: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    transactions = OpenTransactions()
    for time in (0.0, REPORT_AFTER, 2 * REPORT_AFTER):
        transactions.look(TP, stable, end, time=time)
    assert caplog.messages == []


def test_transactions_that_follow_each_other_are_not_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transactions = OpenTransactions()
    for step in range(5):
        transactions.look(TP, 10 + step, 20 + step, time=step * REPORT_AFTER / 2)
    assert caplog.messages == []


def test_a_partition_that_comes_back_is_measured_from_then_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transactions = OpenTransactions()
    transactions.look(TP, 10, 12, time=0.0)
    transactions.keep(frozenset())
    transactions.look(TP, 10, 12, time=REPORT_AFTER)
    assert caplog.messages == []
