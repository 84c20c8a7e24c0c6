"""Metadata of offset commits: who committed, and which model the partition is pinned to.

A commit's metadata is a short text beside the offset, stored by the group's coordinator. LeadScore
writes a JSON object in ASCII, at most some 350 bytes, with a canary 500 (Kafka's limit,
``offset.metadata.max.bytes``, is 4,096)::

    {"leadscore": 1, "at": 4711, "topic": "8rX…", "model": ["leads", "3", "9f…"], "since": 4096,
     "until": 4800, "canary": [["leads", "4", "c1…"], 10, "5ba2…"]}

``leadscore`` is the version of this format. ``at`` repeats the offset, so that metadata copied to
another offset by a tool are recognised as foreign. ``topic`` is the id of the topic whose log the
offset belongs to: another topic of the same name has another id. ``model`` scores the records from
``since`` on, and must score those below ``until`` (docs/adr/0016). ``canary`` scores a share of
the same leads instead, in percent, chosen by a salt (docs/adr/0055).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.canary_split import CanarySplit
from schemas.model_identity import ModelIdentity

__all__ = ["Commit", "ModelPin", "metadata_of", "scoring_key"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class ModelPin:
    """The model that a partition is pinned to.

    Attributes
    ----------
    model
        The model.
    since
        First offset that the model scores.
    until
        An earlier owner may already have emitted scores of this model for records below this
        offset, so no other model may score them.
    canary
        The part of the leads that another model scores instead; None: there is none.
    """

    model: ModelIdentity
    since: int
    until: int = 0
    canary: CanarySplit | None = None

    @property
    def key(self) -> str:
        """Text that is the same for pins that give every record the same score."""
        return scoring_key(self.model, self.canary)

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of the models whose events this pin may have led to."""
        others = () if self.canary is None else (self.canary.model.sha256,)
        return (self.model.sha256, *others)

    def fields(self, offset: int) -> dict[str, Any]:
        """Return what the metadata of a commit say besides their format."""
        written: dict[str, Any] = {"model": _named(self.model), "since": self.since}
        if self.until > offset:
            written["until"] = self.until
        if (split := self.canary) is not None:
            written["canary"] = [_named(split.model), split.share, split.salt]
        return written


def scoring_key(model: ModelIdentity, canary: CanarySplit | None) -> str:
    """Return what identifies a model, with or without a canary beside it."""
    return model.sha256 if canary is None else f"{model.sha256}+{canary.key}"


def _named(model: ModelIdentity) -> list[str]:
    return [model.id, model.version, model.sha256]


def metadata_of(offset: int, pin: ModelPin | None, topic_id: str | None = None) -> str:
    """Return the metadata of a commit."""
    written: dict[str, Any] = {"leadscore": VERSION, "at": offset}
    if topic_id is not None:
        written["topic"] = topic_id
    if pin is not None:
        written |= pin.fields(offset)
    return json.dumps(written, separators=(",", ":"))


class Commit(NamedTuple):
    """A group's committed offset of a partition, with its metadata.

    Attributes
    ----------
    offset
        All records below this offset are finished.
    metadata
        The metadata as stored.
    """

    offset: int
    metadata: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether a LeadScore worker committed it, of this version or a later one."""
        written = self._written()
        return type(written.get("leadscore")) is int and written.get("at") == self.offset

    @property
    def topic_id(self) -> str | None:
        """The id of the topic whose log the offset belongs to; None if the metadata name none."""
        topic_id = self._written().get("topic")
        return topic_id if self.is_ours and isinstance(topic_id, str) else None

    @property
    def pin(self) -> ModelPin | None:
        """The model that the partition is pinned to; None if the metadata name none."""
        written = self._written()
        if not self.is_ours or written["leadscore"] != VERSION:
            return None
        try:
            since, until = int(written["since"]), int(written.get("until", 0))
            return ModelPin(_identity(written["model"]), since, until, _split(written))
        except (KeyError, TypeError, ValueError):
            return None

    def _written(self) -> dict[str, Any]:
        try:
            written = json.loads(self.metadata or "{}")
        except (ValueError, RecursionError):
            return {}
        return written if isinstance(written, dict) else {}


def _identity(named: Any) -> ModelIdentity:
    model_id, version, sha256 = map(str, named)
    return ModelIdentity(model_id, version, sha256)


def _split(written: dict[str, Any]) -> CanarySplit | None:
    if "canary" not in written:
        return None
    named, share, salt = written["canary"]
    return CanarySplit(_identity(named), float(share), str(salt))
