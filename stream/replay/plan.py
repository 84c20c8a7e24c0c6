"""The plan of a replay: fixed before the first record is read, and never changed."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.errors import InputError
from schemas.model_identity import ModelIdentity
from stream.replay.account import Account
from stream.replay.ranges import PartitionRange
from stream.settings import Settings

__all__ = ["FORMAT", "ReplayPlan", "ReplayRecord", "State", "check_id", "isolated_topic", "new_id"]

FORMAT: Final = 1
"""Version of the records in the topic of plans; a reader refuses later ones."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

KEPT = (
    *("delivery", "output_format", "isolation_level", "unreadable", "reasons"),
    *("min_coverage", "low_coverage", "max_attempts"),
    *("max_event_bytes", "earliest_year", "times_ahead_days", "contract", "drift_window_seconds"),
)
"""Settings that decide the outputs of a replay: later processes take them from the plan, not from
their environment."""

State = Literal["planned", "ended", "cancelled"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ReplayPlan(_Frozen):
    """Everything that decides the outputs of a replay: its records, model, rules and topics."""

    id: Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
    topic: str
    """The source topic."""
    topic_id: str | None = None
    """Its id; None where the broker gives topics none, and in plans of earlier versions."""
    partitions: int
    """Partitions of the source topic when the plan was made."""
    ranges: tuple[PartitionRange, ...]
    """Ranges of the partitions that have any."""
    model_id: str
    model_version: str
    model_sha256: str
    out: str
    """Topic of the scored events."""
    dead_letters: str
    """Topic of the dead letters."""
    group_id: str
    """Consumer group in which the progress is committed; it never has members."""
    is_into_live: bool = False
    """Whether the outputs go to the topics that workers write to."""
    filters: tuple[tuple[str, str], ...] = ()
    """Field and value of each condition; a lead that misses one is filtered."""
    sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the records that are scored."""
    archive: str | None = None
    """Folder of the archive that is read instead of the source topic."""
    drift_partials: str | None = None
    """Topic of the counts for drift; None: leads are not counted."""
    ages_at: int | None = None
    """Time at which dates have their age, milliseconds since 1970; None: at the creation of each
    lead."""
    untouched_since: int | None = None
    """Only the last record of each lead is scored, and only if it is older than this time,
    milliseconds since 1970; None: all records are."""
    watched: tuple[PartitionRange, ...] = ()
    """Ranges of the topic after those of the archive: they are read for later records only."""
    settings: dict[str, Any]
    """Rules of scoring and delivery, by name of the setting."""
    created_at: datetime

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        numbers = [each.partition for each in self.ranges]
        if len(set(numbers)) != len(numbers):
            raise ValueError("a partition has two ranges")
        return self

    @property
    def model(self) -> ModelIdentity:
        """The model."""
        return ModelIdentity(self.model_id, self.model_version, self.model_sha256)

    @property
    def offsets(self) -> int:
        """Number of offsets in all ranges."""
        return sum(each.offsets for each in self.ranges)

    def settings_of(self, given: Settings) -> Settings:
        """Return the settings of a process that executes the plan.

        Addresses are as given; rules and names are those of the plan.
        """
        return given.model_copy(
            update={
                **self.settings,
                "leads_created": self.topic,
                "leads_scored": self.out,
                "leads_created_dlq": self.dead_letters,
                "group_id": self.group_id,
                "drift": self.drift_partials is not None,
                **({"leads_drift_partials": self.drift_partials} if self.drift_partials else {}),
            }
        )

    @staticmethod
    def kept(settings: Settings) -> dict[str, Any]:
        """Return the settings that a plan keeps."""
        dumped = settings.model_dump(mode="json")
        return {name: dumped[name] for name in KEPT}


class ReplayRecord(_Frozen):
    """The record of a replay in the topic of plans; a later one of the same id replaces it."""

    format: Literal[1] = FORMAT
    state: State
    plan: ReplayPlan
    accounts: dict[int, Account] = {}
    """Account of each partition once the replay has ended."""
    written_at: datetime


def new_id(now: datetime) -> str:
    """Return an id for a replay: its time, and some letters."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def check_id(replay_id: str) -> str:
    """Return an id that is valid: it is a part of names of topics and groups.

    Raises
    ------
    InputError
        It is not.
    """
    if not ID.fullmatch(replay_id):
        raise InputError(
            f"expected an id of at most 64 letters, digits, '_' and '-', not {replay_id!r}: give"
            " another with --id"
        )
    return replay_id


def isolated_topic(settings: Settings, replay_id: str) -> str:
    """Return the default topic of a replay's scored events."""
    return f"{settings.topic_prefix}leads.rescored.{replay_id}"
