"""Metadata of offset commits: who committed, and which model the partition is pinned to.

A commit's metadata is a short text beside the offset, stored by the group's coordinator. LeadScore
writes a JSON object in ASCII, at most some 350 bytes (Kafka's limit, ``offset.metadata.max.bytes``,
is 4,096)::

    {"leadscore": 1, "at": 4711, "topic": "8rX…", "model": ["leads", "3", "9f…"], "since": 4096,
     "until": 4800}

``leadscore`` is the version of this format. ``at`` repeats the offset, so that metadata copied to
another offset by a tool are recognised as foreign. ``topic`` is the id of the topic whose log the
offset belongs to: another topic of the same name has another id. ``model`` scores the records from
``since`` on, and must score those below ``until`` (docs/adr/0016).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas.model_identity import ModelIdentity

__all__ = ["Commit", "ModelPin", "metadata_of"]

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
    """

    model: ModelIdentity
    since: int
    until: int = 0

    def fields(self, offset: int) -> dict[str, Any]:
        """Return what the metadata of a commit say besides their format."""
        model = self.model
        written: dict[str, Any] = {
            "model": [model.id, model.version, model.sha256],
            "since": self.since,
        }
        return written | ({"until": self.until} if self.until > offset else {})


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
            model_id, version, sha256 = map(str, written["model"])
            since, until = int(written["since"]), int(written.get("until", 0))
        except (KeyError, TypeError, ValueError):
            return None
        return ModelPin(ModelIdentity(model_id, version, sha256), since, until)

    def _written(self) -> dict[str, Any]:
        try:
            written = json.loads(self.metadata or "{}")
        except (ValueError, RecursionError):
            return {}
        return written if isinstance(written, dict) else {}
