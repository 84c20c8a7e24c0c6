"""An entry of a model's history: who changed what, when and why, and what holds from then on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from model.alias import Alias
from model.metadata import BundleIncompleteError
from model.rollout_plan import RolloutPlan
from model.sealed_json import seal, unseal, validated

__all__ = [
    "LONGEST_NAME",
    "LONGEST_REASON",
    "Action",
    "AliasEntry",
    "Made",
    "entry_at",
    "fold",
    "next_entry",
    "versions_before",
]

OWN_HASH = "entry_sha256"
LONGEST_NAME, LONGEST_REASON = 100, 1000
"""Characters of ``by`` and of ``why``."""
REMEDY = (
    "if nobody is copying it just now, copy it again; without another copy, remove it, the entries"
    " after it and the file `latest` beside them, and set the aliases again with `leadscore models"
    " alias`"
)

Version = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]


class Action(StrEnum):
    """Kind of change of an entry."""

    START = "start"
    """Took over the aliases of aliases.json, which earlier releases write."""
    SET = "set"
    REMOVE = "remove"
    ROLLBACK = "rollback"
    STEP = "step"
    """The canary's rollout went on to its next step."""
    ARCHIVE = "archive"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Made:
    """Who makes a change, when and why.

    Attributes
    ----------
    by
        A person or a program, up to 100 characters.
    at
        The time, with its offset from UTC.
    why
        The reason, up to 1,000 characters; may be empty.
    """

    by: str
    at: datetime
    why: str = ""


class AliasEntry(BaseModel):
    """One change of a model's aliases, and the state after it.

    The state is in every entry, so that a reader of the aliases needs the last one alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    format_version: Literal[1] = 1
    number: int = Field(ge=1)
    """1, 2, 3, …: the order of the changes."""
    at: AwareDatetime
    """Time of the change, by the clock of the machine that made it."""
    by: str = Field(min_length=1, max_length=LONGEST_NAME)
    why: str = Field(default="", max_length=LONGEST_REASON)
    action: Action
    alias: Alias | None = None
    """The alias that was changed; None for the start, and where a version was archived."""
    was: Version | None = Field(default=None, alias="from")
    """The version that the alias named before; None: none."""
    to: Version | None = None
    """The version that it names from then on (None: none), or that was archived or restored."""
    aliases: dict[Alias, Version]
    """All aliases after the change."""
    archived: tuple[Version, ...] = ()
    """All archived versions after the change, in ascending order."""
    rollout: RolloutPlan | None = None
    """The rollout of the canary after the change; None where there is no canary."""

    @property
    def summary(self) -> str:
        """The change, in words."""
        match self.action:
            case Action.START:
                named = ", ".join(f"{alias} {to}" for alias, to in self.aliases.items())
                return f"took over {named or 'no alias'} from an earlier release"
            case Action.ARCHIVE:
                return f"archived {self.to}"
            case Action.RESTORE:
                return f"restored {self.to}"
            case Action.STEP if self.rollout is not None:
                return f"canary {self.to} at {self.rollout.share:g} %"
            case _:
                return self._alias_change

    @property
    def _alias_change(self) -> str:
        change = f"{self.alias} {self.was or 'none'} → {self.to or 'none'}"
        if self.alias is Alias.CANARY and self.rollout is not None:
            return f"{change} at {self.rollout.share:g} %"
        return f"{change} (rollback)" if self.action is Action.ROLLBACK else change

    def to_bytes(self) -> bytes:
        """Return the entry as JSON, with its own hash at the end."""
        return seal(self.model_dump(mode="json", by_alias=True), OWN_HASH)

    @classmethod
    def from_bytes(cls, content: bytes, file: str) -> Self:
        """Read an entry from JSON.

        Parameters
        ----------
        content, file
            The entry's file; its name is for errors.

        Raises
        ------
        BundleIncompleteError
            It is damaged, or only half copied.
        BundleError
            Its format is unknown.
        """
        fields = unseal(content, OWN_HASH, file=file, remedy=REMEDY)
        return validated(
            cls,
            fields,
            file=file,
            remedy="Use the LeadScore that wrote it, or a later one.",
        )


def next_entry(
    last: AliasEntry | None,
    action: Action,
    made: Made,
    *,
    alias: Alias | None = None,
    to: str | None = None,
    start: Mapping[Alias, str] | None = None,
    rollout: RolloutPlan | None = None,
) -> AliasEntry:
    """Return the entry of a change, with the state after it.

    Parameters
    ----------
    last
        The entry before; None for the first one.
    action, made, alias, to
        The change.
    start
        The aliases that hold before the first entry.
    rollout
        The rollout of the canary, if it is the canary that changes.
    """
    aliases = dict(start or {}) if last is None else dict(last.aliases)
    archived = set() if last is None else set(last.archived)
    was = None
    if alias is not None:
        was = aliases.pop(alias, None)
        if to is not None:
            aliases[alias] = to
    elif action is Action.ARCHIVE and to is not None:
        archived.add(to)
    elif action is Action.RESTORE and to is not None:
        archived.discard(to)
    return AliasEntry(
        number=1 if last is None else last.number + 1,
        at=made.at.astimezone(UTC),
        by=made.by,
        why=made.why,
        action=action,
        alias=alias,
        was=was,
        to=to,
        aliases=dict(sorted(aliases.items())),
        archived=tuple(sorted(archived, key=int)),
        rollout=_rollout(last, alias, to, rollout),
    )


def _rollout(
    last: AliasEntry | None, alias: Alias | None, to: str | None, rollout: RolloutPlan | None
) -> RolloutPlan | None:
    """Return the rollout after a change: it ends with its canary."""
    if alias is Alias.CANARY:
        return None if to is None else rollout
    return None if last is None else last.rollout


def fold(entries: Iterable[AliasEntry]) -> AliasEntry | None:
    """Apply all changes from the first on, and check that each entry states what they give.

    Returns
    -------
    AliasEntry or None
        The last one; its state is the fold. None: there is no entry.

    Raises
    ------
    BundleIncompleteError
        An entry does not follow from the one before: a file was replaced.
    """
    last: AliasEntry | None = None
    for entry in entries:
        made = Made(entry.by, entry.at, entry.why)
        start = entry.aliases if entry.action is Action.START else None
        expected = next_entry(
            last,
            entry.action,
            made,
            alias=entry.alias,
            to=entry.to,
            start=start,
            rollout=entry.rollout,
        )
        if entry != expected:
            raise BundleIncompleteError(
                f"Entry {entry.number} of the history should follow from the entries before it, it"
                f" does not: {REMEDY}."
            )
        last = entry
    return last


def entry_at(entries: Sequence[AliasEntry], moment: datetime) -> AliasEntry | None:
    """Return the entry whose state held at a time; None before the first one.

    Changes hold in the order of their numbers. Where clocks differ, a change counts as made no
    earlier than the one before it.
    """
    found, reached = None, None
    for entry in entries:
        reached = entry.at if reached is None else max(reached, entry.at)
        if reached > moment:
            break
        found = entry
    return found


def versions_before(entries: Iterable[AliasEntry], alias: Alias) -> list[str]:
    """Return the versions that rollbacks of an alias lead to, the nearest last.

    A version that an alias is set to goes onto a stack, and a rollback takes the top one off: a
    second rollback goes one further back, not forth again. A removal leaves the stack as it is, so
    that a rollback after it restores the removed version.
    """
    stack: list[str] = []
    is_set = False
    for entry in entries:
        if entry.action is Action.START:
            stack += [entry.aliases[alias]] if alias in entry.aliases else []
        elif entry.alias is not alias:
            continue
        elif entry.action is Action.ROLLBACK and is_set:
            stack.pop()
        elif entry.action is Action.SET and entry.to is not None and entry.to not in stack[-1:]:
            stack.append(entry.to)
        is_set = alias in entry.aliases
    return stack[:-1] if is_set else stack
