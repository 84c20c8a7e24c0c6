"""Which snapshot to take."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stream.snapshot.record_sample import TimeRange

__all__ = ["Order"]


class Order(BaseModel):
    """Which snapshot to take."""

    model_config = ConfigDict(frozen=True)

    start: datetime
    """Beginning of the range of Kafka's time stamps, included; with its offset from UTC."""
    end: datetime
    sample: int
    """How many leads to compare at most."""
    keep: int
    """How many snapshots to keep."""
    output: Path
    """Folder of the snapshots."""
    workspace: Path
    """Folder of Evidently's workspace."""

    @property
    def range(self) -> TimeRange:
        """The range as Kafka knows it."""
        return TimeRange(round(self.start.timestamp() * 1000), round(self.end.timestamp() * 1000))

    @property
    def name(self) -> str:
        """Of the snapshot: the end of its range, in UTC."""
        return f"{self.end.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
