"""The rules of canaries: which model must have scored a lead while another one had a share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from tests.chaos.second_audit.records import Headers

__all__ = ["CanaryRules", "Mark", "read_mark"]

HEADER = "leadscore.canary"
ARMS = ("production", "canary", "fallback")
Split = tuple[str, str]
"""Share and salt, as written: those of a step."""


class Mark(NamedTuple):
    """The header of an event: the arm that scored the lead, and the step."""

    arm: str
    share: str
    salt: str


def read_mark(headers: Headers | None) -> Mark | None:
    """Read the header of an event; None if it has none.

    Raises
    ------
    ValueError
        It has another form.
    """
    written = dict(headers or ()).get(HEADER)
    if written is None:
        return None
    arm, share, _, salt = written.decode().split(";")
    if arm not in ARMS:
        raise ValueError(arm)
    return Mark(arm, share, salt)


class CanaryRules:
    """Holds the arm and the model of each lead of a partition against its step.

    Parameters
    ----------
    note
        Called with the name of a rule that is broken, and the offset of the lead.
    """

    def __init__(self, note: Callable[[str, int], None]) -> None:
        self._note = note
        self._split: Split | None = None
        self._begun: set[Split] = set()
        self._models: dict[tuple[Split, bool], str] = {}

    def add(self, offset: int, mark: Mark | None, lead_id: str, model_sha256: str) -> None:
        """Add a scored lead; to be called in the order of the offsets."""
        split = None if mark is None else (mark.share, mark.salt)
        if split != self._split:
            if split in self._begun:
                self._note("step_again", offset)
            self._split = split
        if mark is None or split is None:
            return
        self._begun.add(split)
        if _is_chosen(lead_id, mark) is (mark.arm == "production"):
            self._note("arm_of_another_lead", offset)
        is_canary = mark.arm == "canary"
        own = self._models.setdefault((split, is_canary), model_sha256)
        if own != model_sha256 or self._models.get((split, not is_canary)) == model_sha256:
            self._note("model_of_another_arm", offset)


def _is_chosen(lead_id: str, mark: Mark) -> bool:
    digest = hashlib.blake2b(lead_id.encode(), digest_size=8, key=mark.salt.encode()).digest()
    return int.from_bytes(digest, "big") < int(float(mark.share) / 100 * 2.0**64)
