"""The account of a re-drive: letters read = letters sent + letters left, by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Account", "LeftReason"]


class LeftReason(StrEnum):
    """Why a letter is not sent."""

    NOT_SELECTED = "not_selected"
    """The selection does not include it."""
    ALREADY_SENT = "already_sent"
    """An earlier re-drive has sent it."""
    ATTEMPTS = "attempts"
    """Its record was processed as often as allowed."""
    UNREADABLE = "unreadable"
    """It can't be read: it is damaged, or too large."""
    FOREIGN = "foreign"
    """No worker of LeadScore wrote it, or its source is another topic, or a partition that the
    source topic does not have."""
    SOURCE_GONE = "source_gone"
    """Only the source record has its value, and that is gone: by retention, or with the topic that
    was created again."""
    SOURCE_UNREADABLE = "source_unreadable"
    """Only the source record has its value, and that can't be read."""
    TOO_LARGE = "too_large"
    """The source topic does not accept a record of its size."""


@dataclass(slots=True)
class Account:
    """Counts of a re-drive, from its start over all its runs.

    Attributes
    ----------
    read
        Records read from the dead-letter topic.
    sent
        Letters sent to the source topic.
    left
        Letters that were not sent, by reason.
    expired
        Offsets that retention or a purge removed after the plan was made and before they were read.
    outlived
        Letters of this run that were sent although the source topic does not keep records of their
        time any more: it removes them soon.
    is_complete
        Whether every partition was read up to the end in the plan, or the limit was reached.
    """

    read: int = 0
    sent: int = 0
    left: Counter[LeftReason] = field(default_factory=Counter)
    expired: int = 0
    outlived: int = 0
    is_complete: bool = False

    @property
    def is_balanced(self) -> bool:
        """Whether every letter of the plan is accounted for."""
        counted = self.sent + self.left.total()
        return self.is_complete and self.expired == 0 and self.read == counted
