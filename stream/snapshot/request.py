"""Request for a snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stream.snapshot.record_sample import TimeRange

__all__ = ["Order"]


class Order(BaseModel):
    """Time range, size and destination of a snapshot."""

    model_config = ConfigDict(frozen=True)

    start: datetime
    """Start of the range of Kafka timestamps, included; with its offset from UTC."""
    end: datetime
    sample: int
    """Most leads to compare."""
    keep: int
    """Number of snapshots to keep."""
    output: Path
    """Folder of the snapshots."""
    workspace: Path
    """Folder of Evidently's workspace."""

    @property
    def range(self) -> TimeRange:
        """The range in Kafka's milliseconds."""
        return TimeRange(round(self.start.timestamp() * 1000), round(self.end.timestamp() * 1000))

    @property
    def name(self) -> str:
        """Name of the snapshot: the end of its range, in UTC."""
        return f"{self.end.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
