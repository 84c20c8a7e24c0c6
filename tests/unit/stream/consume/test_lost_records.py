"""Reports of records that can never be read."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from stream.consume.lost_records import Loss, LossReason, report_loss

AT = TopicPartition("leads", 3)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (LossReason.RETENTION, "offsets 5 to 21 were removed before they were read, at most 17"),
        (LossReason.LOG_REPLACED, "of the log before, offsets 5 to 21 are gone, at most 17"),
    ],
)
def test_the_sentence_has_partition_offsets_and_the_runbook(reason: LossReason, says: str) -> None:
    sentence = str(Loss(AT, 5, 22, reason))
    assert sentence.startswith("leads/3: ")
    assert says in sentence
    assert "docs/runbook.md#leadscoreleadslost" in sentence


def test_a_log_that_was_read_and_replaced_has_no_offsets_to_name() -> None:
    loss = Loss(AT, 5, 5, LossReason.LOG_REPLACED)
    assert loss.records == 0
    assert "what was written to it last is not known" in str(loss)
    assert (loss.as_fields()["from"], loss.as_fields()["to"]) == (5, None)


def test_fields_for_logs_and_json_include_both_ends() -> None:
    assert Loss(AT, 5, 22, LossReason.RETENTION).as_fields() == {
        "topic": "leads",
        "partition": 3,
        "from": 5,
        "to": 21,
        "records": 17,
        "reason": "retention",
    }


def test_a_loss_is_logged_as_an_error_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    losses: list[Loss] = []
    loss = Loss(AT, 5, 22, LossReason.RETENTION)
    report_loss(loss, losses.append)
    assert losses == [loss]
    [line] = caplog.records
    assert (line.levelname, line.getMessage()) == ("ERROR", str(loss))
    assert line.loss == loss.as_fields()  # type: ignore[attr-defined]
