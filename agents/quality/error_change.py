"""A change of the errors of a model's scores, with a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONCEPT_STREAMS", "QualityChange"]

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
        """What has changed, in one sentence."""
        if self.stream == "bias":
            more = "more" if self.after > 0 else "fewer"
            return (
                f"Of the latest leads, {abs(self.after):.1%} {more} converted than their scores"
                f" promised{self._before(abs(self.before or 0.0))}."
            )
        if self.stream == "calibration":
            than = "worse" if self.after > 0 else "better"
            return (
                f"The latest scores fit their outcomes {than} than right scores would: Brier score"
                f" {self.after:+.3f}{self._before(self.before or 0.0, '+.3f')}."
            )
        return (
            f"{self.after:.1%} of the latest labels were wrong{self._before(self.before or 0.0)}."
        )

    def _before(self, value: float, form: str = ".1%") -> str:
        return "" if self.before is None else f" ({value:{form}} before)"
