"""The protocol of a sink: what writes records to a target outside Kafka.

::

    await sink.open()                      # connect; create what the target lacks
    verdicts = await sink.write(batch)     # a verdict for each record, in their order
    await sink.close()

The runner (stream/sinks/runner.py) calls ``write`` for one batch at a time, and repeats it: after
an error, for the records that are to be retried, and after a crash for records that were written
but not committed. So a sink must keep three rules (tests/sink_conformance.py):

- A repeated write changes nothing that a reader of the target can see.
- Per lead, an older record never replaces a newer one. A sink whose target can't order records
  answers RETRY also for later records of a lead whose earlier record is to be retried.
- A record that the target refuses does not keep the others of its batch from being written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from schemas.errors import LeadScoreError

__all__ = [
    "SKIPPED",
    "WRITTEN",
    "Gathering",
    "Log",
    "Sink",
    "SinkBatch",
    "SinkRecord",
    "TargetUnavailableError",
    "Verdict",
    "WriteResult",
    "refuse",
    "retry_later",
]


class WriteResult(StrEnum):
    """Outcome of a write for one record; a label of metrics."""

    WRITTEN = "written"
    """The target has it, by this write or an earlier one."""
    SKIPPED = "skipped"
    """The target need not have it, as by a filter."""
    REFUSED = "refused"
    """The target will never take it: a dead letter."""
    RETRY = "retry"
    """The target may take it later."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict on a record.

    Attributes
    ----------
    outcome
        Whether it is written, or why not.
    error
        Why it was refused: one sentence, without field values.
    after
        Seconds that the target asks to wait before a retry; None: as the runner does anyway.
    """

    outcome: WriteResult
    error: str = ""
    after: float | None = None


WRITTEN = Verdict(WriteResult.WRITTEN)
SKIPPED = Verdict(WriteResult.SKIPPED)


def refuse(error: str) -> Verdict:
    """Return the verdict on a record that the target will never take."""
    return Verdict(WriteResult.REFUSED, error)


def retry_later(after: float | None = None) -> Verdict:
    """Return the verdict on a record that the target may take later."""
    return Verdict(WriteResult.RETRY, after=after)


class TargetUnavailableError(LeadScoreError):
    """The target can't be written to now: the whole batch is written again later.

    Parameters
    ----------
    message
        Why, for the log and /readyz: no field value, no password.
    after
        Seconds that the target asks to wait; None: as the runner does anyway.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a partition; offsets of two logs can't be compared.

    Attributes
    ----------
    topic, partition
        The partition.
    topic_id
        Id of the topic: another one once the topic was deleted and created again. Empty where the
        cluster gives topics no ids.
    """

    topic: str
    partition: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class SinkRecord:
    """A record to write.

    Attributes
    ----------
    offset, timestamp
        Its place in the log, and its time in milliseconds since 1970.
    lead_id
        The lead.
    event
        The fields: of a scored event, or of a lead.
    grade
        The grade in the headers of a scored event; None: they have none.
    """

    offset: int
    timestamp: int
    lead_id: str
    event: Mapping[str, Any]
    grade: str | None = None


@dataclass(frozen=True, slots=True)
class SinkBatch:
    """Records of one log, at least one, offsets ascending; not all offsets need to be there.

    Attributes
    ----------
    log
        Where they come from.
    records
        The records.
    attempt
        How often these records are being written, from 1.
    generation
        Number of the worker's assignment: within one, the batches of a log follow each other, and
        between two of them is no record that can be read.
    """

    log: Log
    records: Sequence[SinkRecord]
    attempt: int = 1
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Gathering:
    """How long records are gathered before a write.

    Attributes
    ----------
    records
        At most this many.
    seconds
        For at most this long; 0: what is there is written at once.
    """

    records: int = 2000
    seconds: float = 0.0


class Sink(Protocol):
    """Writes records to a target."""

    @property
    def gathering(self) -> Gathering:
        """How long to gather records before a write, unless the settings say so."""

    def plan(self) -> str:
        """Return for people what ``open`` would create, without connecting: DDL, file names."""

    async def open(self) -> None:
        """Connect, and create what the target lacks; may be called again after an error.

        Raises
        ------
        TargetUnavailableError
            The target does not answer: opened again later.
        FatalError
            It answers, and the sink can't work with it.
        """

    async def write(self, batch: SinkBatch) -> Sequence[Verdict]:
        """Write records; once it returns they are durable, as far as the target is.

        Returns
        -------
        sequence of Verdict
            One for each record, in their order.

        Raises
        ------
        TargetUnavailableError
            The target does not answer: the batch is written again later.
        FatalError
            The sink can't continue.
        """

    async def close(self) -> None:
        """Close the connections; also after an ``open`` that failed."""
