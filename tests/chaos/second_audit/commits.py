"""Committed offset of a partition and its metadata."""

from __future__ import annotations

import json
from typing import NamedTuple

__all__ = ["Commit", "read_commit"]


class Commit(NamedTuple):
    """A commit.

    Attributes
    ----------
    offset
        Everything below it must have come out; 0 where nothing is committed.
    is_ours
        Whether a worker wrote it: its metadata say so, and are of this offset.
    model_sha256, since
        The model that scored the leads from `since` up to the offset; None where it does not say.
    canary_sha256
        The model that scored a share of them instead; None where there is none.
    """

    offset: int = 0
    is_ours: bool = False
    model_sha256: str | None = None
    since: int = 0
    canary_sha256: str | None = None

    def denies(self, offset: int, model_sha256: str) -> bool:
        """Return whether it says that another model scored a lead."""
        is_of_it = self.since <= offset < self.offset
        is_known = self.model_sha256 is not None
        return is_of_it and is_known and model_sha256 not in (self.model_sha256, self.canary_sha256)


def read_commit(offset: int, metadata: str) -> Commit:
    """Read a commit; metadata that are not a worker's say nothing."""
    try:
        # The client adds bytes of freed memory to long metadata.
        written, _ = json.JSONDecoder().raw_decode(metadata)
        is_ours = "leadscore" in written and written["at"] == offset
        if not is_ours or "model" not in written:
            return Commit(offset, is_ours)
        canary = written["canary"][0][2] if "canary" in written else None
        return Commit(offset, is_ours, written["model"][2], written["since"], canary)
    except (ValueError, KeyError, TypeError, IndexError):
        return Commit(offset)
