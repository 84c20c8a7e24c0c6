"""How far the topics of a partition were read: stored with what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import orjson

from agents.outcomes.store import OutcomeStore

__all__ = ["OUTCOMES", "SCORES", "Progress"]

KEY = b"m"
SCORES = ("scores", "shadow")
"""Names of the topics of scores, by channel."""
OUTCOMES = "outcomes"


@dataclass(slots=True)
class Progress:
    """How far a partition is.

    Attributes
    ----------
    offsets
        By topic, the offset that is read next.
    watermark
        Latest time of a live score, in milliseconds since 1970.
    complete_since
        Time from which on the logs held everything when they were read: 0, from their start.
    """

    offsets: dict[str, int] = field(default_factory=dict)
    watermark: int = 0
    complete_since: int = 0

    @classmethod
    def read(cls, store: OutcomeStore) -> Progress:
        """Return the progress that a store has; that of nothing for an empty one."""
        [value] = store.get([KEY])
        return cls() if value is None else cls(**orjson.loads(value))

    def entry(self) -> Mapping[bytes, bytes]:
        """Return what is to be written."""
        return {KEY: orjson.dumps(asdict(self))}

    def read_scores(self, channel: int, first_offset: int, next_offset: int, earliest: int) -> None:
        """Note that scores were read, the earliest of them of a time."""
        self._read(SCORES[channel], first_offset, next_offset, earliest)

    def read_outcomes(self, first_offset: int, next_offset: int, earliest: int) -> None:
        """Note that outcomes were read, the earliest of which arrived at a time."""
        self._read(OUTCOMES, first_offset, next_offset, earliest)

    def _read(self, topic: str, first_offset: int, next_offset: int, earliest: int) -> None:
        if first_offset > self.offsets.get(topic, 0):
            # Retention removed what was before.
            self.complete_since = max(self.complete_since, earliest)
        self.offsets[topic] = next_offset
