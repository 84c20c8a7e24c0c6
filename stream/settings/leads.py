"""Settings: the leads that are scored."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stream.settings.base import Count, SettingsGroup, Share

__all__ = ["LeadSettings"]


class LeadSettings(SettingsGroup):
    """Leads: their schemas, and which of them are scored."""

    schema_dir: Path | None = None
    """Folder of further Avro schemas (*.avsc), in addition to those of LeadScore."""

    contract: str | None = None
    """Name of the schema that leads are promised to have; default: the model's own contract."""

    max_event_bytes: Count = 262_144
    """Largest event that is decoded; larger ones become dead letters."""

    earliest_year: Annotated[int, Field(ge=1, le=2100)] = 1990
    """First year of a plausible time. A lead with an earlier `created_at` becomes a dead letter
    (`TIME`); so does one with an earlier date in a field of the model, unless the training data
    have such dates."""

    times_ahead_days: Annotated[float, Field(ge=0, le=36_600, allow_inf_nan=False)] = 1.0
    """Maximum number of days by which a time in a lead may be later than the time stamp of its
    record. A lead with a later time becomes a dead letter, as above."""

    min_coverage: Share = 0.6
    """Minimum feature coverage: the number of a lead's fields divided by the number that nine in
    ten training leads have at least; the same for the importance of these fields. If either is
    lower, the lead has low coverage."""

    low_coverage: Literal["flag", "refuse"] = "flag"
    """Action on leads with low coverage: `flag`, they are scored and flagged; `refuse`, they become
    dead letters."""

    max_attempts: Count = 10
    """Maximum number of times that a record is processed, if its scored events or dead letters are
    copied back to the leads topic. At the limit it becomes a last dead letter (`ATTEMPTS`), and a
    copy of that is dropped."""

    unreadable: Literal["dead_letter", "stop"] = "dead_letter"
    """Action on an unreadable Kafka record (wrong checksum, a header's name that is not
    UTF-8): `dead_letter`, and reading continues after it; or `stop`, and its partition is read no
    further."""

    reasons: bool = True
    """Whether scored events have reasons."""

    grade_rules: Path | None = None
    """File with rules by which workers grade leads, into a header of each scored event, and
    `leadscore serve`, into its answers (docs/sales.md); default: they do not."""

    @property
    def earliest_ms(self) -> float:
        """First plausible time, in milliseconds since 1970."""
        return datetime(self.earliest_year, 1, 1, tzinfo=UTC).timestamp() * 1000

    @property
    def times_ahead_ms(self) -> float:
        """Most milliseconds by which a lead's times may be after its record."""
        return self.times_ahead_days * 86_400_000

    @property
    def schema_folders(self) -> tuple[Path, ...]:
        """Folders of additional Avro schemas."""
        return () if self.schema_dir is None else (self.schema_dir,)
