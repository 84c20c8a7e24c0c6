"""Results of verdicts on a batch: refusals by offset, and the records to write again."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.errors import FatalError
from stream.sinks.sink import SinkRecord, Verdict, WriteResult

__all__ = ["refusals", "to_retry"]


def refusals(records: Sequence[SinkRecord], verdicts: Sequence[Verdict]) -> dict[int, str]:
    """Return why records are refused, by offset.

    Raises
    ------
    FatalError
        There is not one verdict for each record.
    """
    if len(records) != len(verdicts):
        raise FatalError(
            f"expected {len(records)} verdicts of the sink, one for each record, got"
            f" {len(verdicts)}: the sink has a fault"
        )
    return {
        record.offset: verdict.error
        for record, verdict in zip(records, verdicts, strict=True)
        if verdict.outcome is WriteResult.REFUSED
    }


def to_retry(
    records: Sequence[SinkRecord], verdicts: Sequence[Verdict]
) -> tuple[list[SinkRecord], list[float]]:
    """Return the records that are to be written again, and the waits that the target asks for."""
    again = [
        (record, verdict.after or 0.0)
        for record, verdict in zip(records, verdicts, strict=True)
        if verdict.outcome is WriteResult.RETRY
    ]
    return [record for record, _ in again], [after for _, after in again]
