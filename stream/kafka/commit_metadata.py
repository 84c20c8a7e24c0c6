"""The metadata of our commits: who wrote them, and which model scores the partition.

A commit's metadata is a short text beside the offset, stored by the group's coordinator. Ours is a
JSON object in ASCII, at most some 300 bytes (Kafka's limit, ``offset.metadata.max.bytes``, is
4,096)::

    {"leadscore": 1, "at": 4711, "model": ["leads", "3", "9f…"], "since": 4096, "until": 4800}

``leadscore`` is the version of this format, ``at`` repeats the offset, so that metadata that was
copied to another offset is not ours. Records from ``since`` on are scored by ``model``, up to
``until`` in any case (docs/adr/0016).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.partials import ModelIdentity

__all__ = ["Commit", "ModelPin", "metadata_of"]

VERSION = 1


@dataclass(frozen=True, slots=True)
class ModelPin:
    """Which model scores a partition.

    Attributes
    ----------
    model
        The model.
    since
        Offset from which on records are scored by it.
    until
        Records below this offset may have been emitted by an earlier owner already, scored by this
        model: they are scored by no other.
    """

    model: ModelIdentity
    since: int
    until: int = 0


def metadata_of(offset: int, pin: ModelPin | None) -> str:
    """Write the metadata of a commit of ours."""
    written: dict[str, Any] = {"leadscore": VERSION, "at": offset}
    if pin is not None:
        model = pin.model
        written |= {"model": [model.id, model.version, model.sha256], "since": pin.since}
        if pin.until > offset:
            written["until"] = pin.until
    return json.dumps(written, separators=(",", ":"))


class Commit(NamedTuple):
    """What a group has committed of a partition.

    Attributes
    ----------
    offset
        Everything below is done.
    metadata
        As it was found.
    """

    offset: int
    metadata: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether a LeadScore worker has written it, of this version or a later one."""
        written = self._written()
        return type(written.get("leadscore")) is int and written.get("at") == self.offset

    @property
    def pin(self) -> ModelPin | None:
        """Which model scores the partition; None where the commit does not say so."""
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
