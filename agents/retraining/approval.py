"""Whether a candidate that passed the gate may become the canary: by its aliases and the verdict.

All of it is read from the history of the aliases, so who asks again after a crash gets the same
answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from agents.verdict.verdict import Decision
from model.alias import Alias
from model.alias_entry import Action, AliasEntry
from model.model_aliases import Aliases

__all__ = [
    "Ended",
    "ShadowVerdict",
    "ended",
    "objection",
    "obstacle",
    "shadow_since",
    "stage_of",
]


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a candidate's way into production.

    Attributes
    ----------
    is_promoted
        Whether it is in production.
    why
        In a sentence.
    """

    is_promoted: bool
    why: str


@dataclass(frozen=True, slots=True)
class ShadowVerdict:
    """As much of a verdict on a shadow as an approval depends on.

    Attributes
    ----------
    decision
        Whether the candidate is better.
    sentences
        The answer, and its power.
    only_live, reached
        Leads that production scores and the candidate can't, and all that both have reached.
    """

    decision: Decision
    sentences: tuple[str, ...]
    only_live: int
    reached: int

    @classmethod
    def of(cls, verdict: Mapping[str, Any]) -> Self:
        """Read a verdict as ``Verdict.as_dict`` and `leadscore models verdict --json` give it."""
        counts = verdict["counts"]
        return cls(
            decision=Decision(verdict["decision"]),
            sentences=tuple(verdict["sentences"][:2]),
            only_live=counts["only_live"],
            reached=sum(counts[name] for name in ("both", "only_live", "only_shadow", "neither")),
        )

    @property
    def sentence(self) -> str:
        """The answer and its power in one line."""
        return " ".join(self.sentences)


def shadow_since(history: Sequence[AliasEntry], version: str) -> datetime | None:
    """Return when a version became the shadow for the last time; None if it never did."""
    return next((e.at for e in reversed(history) if _sets(e, Alias.SHADOW, version)), None)


def ended(now: Aliases, history: Sequence[AliasEntry], version: str) -> Ended | None:
    """Return how the way of a candidate has ended; None if it has not.

    Parameters
    ----------
    now, history
        The aliases, and all their changes, the oldest first.
    version
        The candidate.
    """
    if now.aliases.get(Alias.PRODUCTION) == version:
        return Ended(True, "it is in production")
    if version in now.archived:
        return Ended(False, "it is archived")
    if now.aliases.get(Alias.CANARY) == version:
        return None
    start = max((e.number for e in history if _sets(e, Alias.SHADOW, version)), default=0)
    for entry in reversed(history):
        was_canary = entry.alias is Alias.CANARY and entry.was == version and entry.to is None
        if was_canary and entry.number > start:
            why = f": {entry.why}" if entry.why else ""
            return Ended(False, f"its canary was removed by {entry.by}{why}")
    return None


def obstacle(now: Aliases, history: Sequence[AliasEntry], version: str) -> str | None:
    """Return why a candidate can't become the canary now, whatever the verdict; None if it can."""
    if (end := ended(now, history, version)) is not None:
        return end.why
    if (canary := now.aliases.get(Alias.CANARY)) is not None and now.rollout is not None:
        said = "it is the canary" if canary == version else f"version {canary} is the canary"
        return f"{said}: {now.rollout.summary}"
    if (shadow := now.aliases.get(Alias.SHADOW)) != version:
        return f"it is not the shadow any more, {shadow or 'no version'} is"
    if Alias.PRODUCTION not in now.aliases:
        return "no version is in production: workers follow the newest one"
    return None


def stage_of(now: Aliases, history: Sequence[AliasEntry], version: str) -> str:
    """Return where a candidate that passed the gate is on its way, in a sentence."""
    since = shadow_since(history, version)
    if since is not None and obstacle(now, history, version) is None:
        return f"in shadow since {since:%Y-%m-%d %H:%M} UTC, waits for its verdict or an approval"
    return obstacle(now, history, version) or "it is the shadow"


def objection(
    verdict: ShadowVerdict, *, max_refused: float, must_be_better: bool = True
) -> str | None:
    """Return what a verdict says against a candidate; None if it may become the canary.

    Parameters
    ----------
    verdict
        The verdict.
    max_refused
        Share of the leads of production that the candidate may fail to score.
    must_be_better
        Whether it must be better, or only not worse: then somebody has approved it.
    """
    if verdict.reached and verdict.only_live > max_refused * verdict.reached:
        return (
            f"it can't score {verdict.only_live:,} of {verdict.reached:,} leads, more than"
            f" {max_refused:.1%}"
        )
    if verdict.decision is Decision.WORSE or (
        must_be_better and verdict.decision is not Decision.BETTER
    ):
        return verdict.sentence
    return None


def _sets(entry: AliasEntry, alias: Alias, version: str) -> bool:
    return entry.action is Action.SET and entry.alias is alias and entry.to == version
