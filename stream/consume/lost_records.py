"""Records of the source topic that were lost before they were read, and why. Plain Python."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiokafka import TopicPartition

__all__ = ["Loss", "LossReason", "OnLoss", "report_loss"]

log = logging.getLogger(__name__)


class LossReason(StrEnum):
    """Why records are lost; a label of metrics."""

    RETENTION = "retention"
    """The log begins above the position: retention or an operator removed what lies below."""
    LOG_REPLACED = "log_replaced"
    """The log ends below the position: it was truncated, or its topic was re-created."""


_SENTENCES = {
    LossReason.RETENTION: (
        "%s: offsets %d to %d were removed before they were read, at most %d leads are lost. "
        "Reading continues at the log's start. Send these leads again, and give the topic a longer "
        "retention (docs/runbook.md#leadscoreleadslost)"
    ),
    LossReason.LOG_REPLACED: (
        "%s: its log was truncated or its topic re-created; of the log before, offsets %d to %d "
        "are gone, at most %d leads are lost. Reading starts again at the log's start "
        "(docs/runbook.md#leadscoreleadslost)"
    ),
}
_NOTHING_KNOWN = (
    "%s: its log was truncated or its topic re-created; what was known of the log before had been "
    "read, but what was written to it last is not known. Reading starts again at the log's start "
    "(docs/runbook.md#leadscoreleadslost)"
)


@dataclass(frozen=True, slots=True)
class Loss:
    """Offsets of one partition that can never be read.

    Attributes
    ----------
    partition
        Where they were.
    start, stop
        The first offset, and the offset after the last.
    reason
        Why they are lost.
    """

    partition: TopicPartition
    start: int
    stop: int
    reason: LossReason

    @property
    def records(self) -> int:
        """Return the most records that are lost: some offsets may never have held a lead."""
        return self.stop - self.start

    def __str__(self) -> str:
        where = f"{self.partition.topic}/{self.partition.partition}"
        if not self.records:
            return _NOTHING_KNOWN % where
        return _SENTENCES[self.reason] % (where, self.start, self.stop - 1, self.records)

    def as_fields(self) -> dict[str, Any]:
        """Return the loss as fields of a log line or of a JSON body.

        ``to`` is None if it is not known what was lost.
        """
        return {
            "topic": self.partition.topic,
            "partition": self.partition.partition,
            "from": self.start,
            "to": self.stop - 1 if self.records else None,
            "records": self.records,
            "reason": self.reason.value,
        }


OnLoss = Callable[[Loss], None]
"""Called with each loss."""


def report_loss(loss: Loss, on_loss: OnLoss) -> None:
    """Log a loss at ERROR, and pass it on."""
    log.error("%s", loss, extra={"loss": loss.as_fields()})
    on_loss(loss)
