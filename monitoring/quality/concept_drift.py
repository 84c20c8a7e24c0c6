"""Concept drift: changes in the errors of the scores, found lead by lead as outcomes become known.

Streams of errors, each of which has the mean 0 while the scores are right, whatever leads come:

``bias``
    Outcome minus score: more or fewer leads convert than the scores promise.
``calibration``
    (outcome - score) (1 - 2 score), Spiegelhalter's statistic: the Brier score minus what it would
    be if the scores were right. It rises if the scores no longer separate the leads.
``label``
    Whether the label (score above the threshold) was wrong: the error rate that HDDM was made for.
    It also changes with the leads.

References
----------
D. Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", Statistics
in Medicine 5, 1986. A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive
windowing", 2007. I. Frías-Blanco et al., "Online and non-parametric drift detection methods based
on Hoeffding's bounds", IEEE Transactions on Knowledge and Data Engineering 27, 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river import drift

from monitoring.drift.mean_changes import Detector, MeanChanges
from monitoring.quality.mean_increase import MeanIncrease
from monitoring.quality.score_bins import CODES, MIDDLES, codes_of

__all__ = ["LONGEST", "ConceptDetectors", "ErrorChange"]

LONGEST = 1 << 15
"""Latest leads that the detectors are a function of: when as many are kept, the older half is
dropped and the detectors read the rest again."""
LABEL = 0.5
RECENT = 64
"""Number of latest errors whose mean is ``after``."""
OUTCOME_BIT = 1
STREAMS = (("bias", "adwin"), ("calibration", "adwin"), ("label", "hddm"))


@dataclass(frozen=True, slots=True)
class ErrorChange:
    """A change of the errors that a detector has found.

    Attributes
    ----------
    stream
        ``bias``, ``calibration`` or ``label``.
    detector
        ``adwin`` or ``hddm``.
    row
        Row of the call in which it was found.
    before, after
        ``after`` is the mean of the latest 64 errors, ``before`` that of the earlier ones since the
        previous change; None if there are none.
    """

    stream: str
    detector: str
    row: int
    before: float | None
    after: float

    @property
    def is_worse(self) -> bool:
        """Whether the scores are further from the truth than before."""
        before = 0.0 if self.before is None else self.before
        if self.stream == "bias":
            return abs(self.after) > abs(before)
        return self.after > before


class ConceptDetectors:
    """Runs detectors on the errors of one model, in the order of a log.

    The state is a pure function of the sequence of leads, however it is divided into calls, and of
    the latest 32,768 of them at most: it can be saved and restored.

    Parameters
    ----------
    delta
        ADWIN's bound on the probability of a false alarm, for one stream at one time.
    confidence
        HDDM's bound on that probability.
    label
        Score above which a lead is labelled as one that converts.
    """

    def __init__(
        self, *, delta: float = 0.002, confidence: float = 0.001, label: float = LABEL
    ) -> None:
        self._delta, self._confidence, self._label = delta, confidence, label
        self._kept = np.zeros(0, dtype=np.uint16)
        self._streams = self._fresh()

    @property
    def leads(self) -> int:
        """Number of leads that the state is made of."""
        return len(self._kept)

    def update(
        self, scores: NDArray[np.floating], positive: NDArray[np.bool_]
    ) -> list[ErrorChange]:
        """Update the detectors with the next leads and return the changes found.

        Parameters
        ----------
        scores
            Floats in 0 to 1, shape (n,).
        positive
            bool, shape (n,): whether the lead converted.

        Returns
        -------
        list of ErrorChange
            In the order of the leads.
        """
        words = codes_of(scores) << np.uint16(OUTCOME_BIT) | positive.astype(np.uint16)
        changes: list[ErrorChange] = []
        begin = 0
        while begin < len(words):
            room = LONGEST - len(self._kept)
            part = words[begin : begin + room]
            changes += self._read(part, begin)
            self._kept = np.concatenate((self._kept, part))
            begin += len(part)
            if len(self._kept) == LONGEST:
                self._drop_half()
        return changes

    def state(self) -> bytes:
        """Return the state: two bytes for each lead."""
        return self._kept.astype("<u2").tobytes()

    def restore(self, state: bytes) -> None:
        """Restore a state that ``state`` returned.

        Raises
        ------
        ValueError
            The bytes are no state.
        """
        kept = np.frombuffer(state, dtype="<u2") if len(state) % 2 == 0 else None
        if kept is None or len(kept) >= LONGEST or (kept >= CODES << OUTCOME_BIT).any():
            raise ValueError(f"expected a state of concept detectors, got {len(state)} other bytes")
        self._kept = kept.astype(np.uint16)
        self._streams = self._fresh()
        self._read(self._kept, 0)

    def _fresh(self) -> list[_Watched]:
        def detector(name: str) -> Detector:
            if name == "adwin":
                return drift.ADWIN(delta=self._delta)  # type: ignore[no-untyped-call]
            return MeanIncrease(self._confidence)

        return [_Watched(stream, name, detector(name)) for stream, name in STREAMS]

    def _drop_half(self) -> None:
        self._kept = self._kept[LONGEST // 2 :]
        self._streams = self._fresh()
        self._read(self._kept, 0)  # changes among them were returned when they came

    def _read(self, words: NDArray[np.uint16], begin: int) -> list[ErrorChange]:
        scores = MIDDLES[words >> np.uint16(OUTCOME_BIT)]
        outcomes = (words & np.uint16(OUTCOME_BIT)).astype(np.float64)
        bias = outcomes - scores
        label = (scores > self._label) != (outcomes > 0)
        errors = (bias, bias * (1 - 2 * scores), label.astype(np.float64))
        found = [
            change
            for watched, column in zip(self._streams, errors, strict=True)
            for change in watched.update(column.tolist(), begin)
        ]
        return sorted(found, key=lambda change: change.row)


class _Watched:
    """One detector on one stream."""

    def __init__(self, stream: str, name: str, detector: Detector) -> None:
        self._stream = stream
        self._name = name
        self._changes = MeanChanges(detector, RECENT)

    def update(self, values: list[float], begin: int) -> Iterator[ErrorChange]:
        for row, before, after in self._changes.update(values, begin):
            yield ErrorChange(self._stream, self._name, row, before, after)
