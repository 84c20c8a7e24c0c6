"""A change of the errors of a model's scores, with a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONCEPT_STREAMS", "STREAMS", "QualityChange"]

STREAMS = ("bias", "calibration", "label")
"""Streams of errors (``monitoring.quality.concept_drift``)."""
CONCEPT_STREAMS = frozenset({"bias", "calibration"})
"""Streams whose changes are concept drift; the error rate of the label changes with the leads."""


@dataclass(frozen=True, slots=True)
class QualityChange:
    """A change of the errors, as reports have it.

    Attributes
    ----------
    stream
        ``bias``, ``calibration`` or ``label`` (``monitoring.quality.concept_drift``).
    detector
        ``adwin`` or ``hddm``.
    before, after
        Mean errors before and after the change; before is None if it is not known.
    is_worse
        Whether the scores are further from the truth than before.
    """

    stream: str
    detector: str
    before: float | None
    after: float
    is_worse: bool

    @property
    def is_concept_drift(self) -> bool:
        """Whether other leads alone can't be the cause."""
        return self.is_worse and self.stream in CONCEPT_STREAMS

    @property
    def sentence(self) -> str:
        """The change in one sentence."""
        if self.stream == "bias":
            where = "above" if self.after > 0 else "below"
            before = "" if self.before is None else f" (before: {100 * self.before:+.1f})"
            return (
                f"Conversion of the latest leads is {abs(100 * self.after):.1f} points {where} what"
                f" their scores promised{before}."
            )
        if self.stream == "calibration":
            than = "worse" if self.after > 0 else "better"
            before = "" if self.before is None else f" (before: {self.before:+.3f})"
            return (
                f"The latest scores fit their outcomes {than} than right scores would: Brier score"
                f" {self.after:+.3f}{before}."
            )
        before = "" if self.before is None else f" (before: {self.before:.1%})"
        return f"{self.after:.1%} of the latest labels were wrong{before}."
