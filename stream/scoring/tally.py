"""The outcomes of a worker's records for its log: totals, and dead letters with an example."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.dead_letters import DeadLetter
from agents.scored_batch import ScoredBatch
from schemas.errors import ErrorCode
from stream.process.lead_keys import LeadKey

__all__ = ["DeadLetterLog", "Tally"]

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds after which dead letters of a code are logged again."""
DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Tally:
    """Totals of records that are done."""

    scored: int = 0
    dead: Counter[ErrorCode] = field(default_factory=Counter)
    dropped: int = 0
    low_coverage: int = 0
    """Scored leads with too few fields, which are flagged."""

    @property
    def records(self) -> int:
        """How many records are done."""
        return self.scored + self.dead.total() + self.dropped

    def plus(self, outcome: ScoredBatch) -> Tally:
        """Return the totals with a batch that is done."""
        return Tally(
            self.scored + len(outcome.positions),
            self.dead + outcome.codes if outcome.dead_letters else self.dead,
            self.dropped + len(outcome.dropped),
            self.low_coverage + int(np.count_nonzero(outcome.low_coverage)),
        )

    def minus(self, before: Tally) -> Tally:
        """Return what has come since earlier totals."""
        return Tally(
            self.scored - before.scored,
            self.dead - before.dead,
            self.dropped - before.dropped,
            self.low_coverage - before.low_coverage,
        )

    def as_fields(self) -> dict[str, Any]:
        """Return the totals as fields of a log line."""
        dead = {code.value: records for code, records in self.dead.most_common()}
        return {
            "scored": self.scored,
            "low_coverage": self.low_coverage,
            "dead_letters": dead,
            "dropped": self.dropped,
        }


class DeadLetterLog:
    """Logs dead letters: the first of a code within a second or so, then once a minute.

    A line names one record as an example, by its place, the reason, and its key: the log has a
    keyed hash of that, or nothing (stream/process/lead_keys.py).
    """

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._examples: dict[str, dict[str, Any]] = {}
        self._logged_at: dict[str, float] = {}

    def note(self, outcome: ScoredBatch) -> None:
        """Note the dead letters of a batch that is done, and what was dropped of it."""
        self._note(outcome.dead_letters)
        if outcome.dropped:
            self._waiting[DROPPED] += len(outcome.dropped)

    def log(self, now: float, *, all_of_it: bool = False) -> None:
        """Log what waits and is due.

        Parameters
        ----------
        now
            Seconds of a monotonic clock.
        all_of_it
            Whether to log also what is not due: the worker stops.
        """
        due = [
            code
            for code in self._waiting
            if all_of_it or now - self._logged_at.get(code, -AGAIN) >= AGAIN
        ]
        for code in due:
            self._logged_at[code] = now
            records = self._waiting.pop(code)
            if code == DROPPED:
                log.error("copies of last dead letters dropped", extra={"records": records})
            else:
                example = self._examples.pop(code)
                log.warning("dead letters", extra={"code": code, "records": records, **example})

    def _note(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._waiting[letter.code.value] += 1
            if letter.code.value not in self._examples:
                self._examples[letter.code.value] = _example(letter)


def _example(letter: DeadLetter) -> dict[str, Any]:
    headers = dict(letter.output[2])
    place = [headers.get(f"__connect.errors.{part}") for part in ("topic", "partition", "offset")]
    topic, partition, offset = [(given or b"").decode() for given in place]
    reason = headers.get("__connect.errors.exception.message") or b""
    key = letter.output[0]
    lead = {} if key is None else {"lead": LeadKey(key)}
    return {
        **lead,
        "topic": topic,
        "partition": int(partition),
        "offset": int(offset),
        "reason": reason.decode(errors="replace"),
    }
