"""Score the leads of dead letters with the present rules and model, without sending anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agents.batch_scorer import BatchScorer
from agents.records import Output
from stream.dead_letters.account import LeftReason
from stream.dead_letters.letter import DeadLetter
from stream.fetch.raw_records import RawRecord
from stream.kafka.producer import record_bytes

__all__ = ["PASSED", "Trial"]

ROWS_AT_ONCE = 2000
PASSED = "passed"
"""The outcome of a lead that would be scored."""


@dataclass(slots=True)
class Trial:
    """Counts of outcomes, by the code that each letter has.

    Parameters
    ----------
    scorer
        The present model, as a worker uses it.
    max_output_bytes
        Largest record that the scored topic accepts.
    now_ms
        Time of the scored events, milliseconds since 1970.

    Attributes
    ----------
    outcomes
        By code of the letter: how many pass, fail with which code, or can't be tried, and why.
    """

    scorer: BatchScorer
    max_output_bytes: int
    now_ms: int
    on_outcome: Callable[[DeadLetter, str], None] = lambda letter, outcome: None
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    _letters: list[DeadLetter] = field(default_factory=list)
    _records: list[RawRecord] = field(default_factory=list)

    def add(self, letter: DeadLetter, record: RawRecord | LeftReason) -> None:
        """Try a letter, at the latest when `finish` is called.

        Parameters
        ----------
        letter
            The letter.
        record
            The record as it would be sent, or why it can't be.
        """
        if isinstance(record, LeftReason):
            self._count(letter, record)
            return
        self._letters.append(letter)
        self._records.append(record)
        if len(self._records) >= ROWS_AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Try the letters that were added last."""
        letters, records = self._letters, self._records
        self._letters, self._records = [], []
        if not records:
            return
        read = self.scorer.decode(records)
        features = self.scorer.features(read)
        batch = self.scorer.outputs(
            read,
            features,
            self.scorer.predict(features),
            scored_at=self.now_ms,
            too_large=self._too_large,
        )
        failed = {dead.position: dead.code.value for dead in batch.dead_letters}
        for position, letter in enumerate(letters):
            self._count(letter, failed.get(position, PASSED))

    def _too_large(self, outputs: Sequence[Output]) -> Sequence[int]:
        return [
            row
            for row, output in enumerate(outputs)
            if record_bytes(*output) > self.max_output_bytes
        ]

    def _count(self, letter: DeadLetter, outcome: str) -> None:
        self.outcomes.setdefault(letter.code, Counter())[outcome] += 1
        self.on_outcome(letter, outcome)
