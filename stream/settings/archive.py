"""Settings: the archive of leads, and replays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from stream.settings.base import MOST, Count, Seconds, SettingsGroup

__all__ = ["ArchiveSettings"]


class ArchiveSettings(SettingsGroup):
    """Archive of leads, and replays."""

    replay_live_lag: Count = 20_000
    """Lag of the workers' group, in records, above which a replay slows down."""

    replay_live_latency_ms: Count = 1000
    """End-to-end latency of the workers' latest events, in milliseconds, above which a replay slows
    down."""

    archive: Path | None = None
    """Folder of the archive of leads, on a disk of this machine or one that supports file locks.
    The role `archive` writes it."""

    archive_file_mb: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Size at which a file of the archive is completed, in MB (2^20 bytes)."""

    archive_file_seconds: Seconds = 600.0
    """Age at which a file of the archive is completed. A lead may be in the archive this much
    later."""

    archive_least_free_mb: Annotated[int, Field(ge=16, le=MOST)] = 512
    """Minimum free space of the archive's disk, in MB (2^20 bytes): below it nothing more is
    archived."""
