"""Detectors that read values one by one, and tell when a stream changes against its own past.

The windowed statistics compare with the reference, so they know how far the leads are from what
the model learnt; these know sooner that something has happened at all. A change of theirs counts
once the windowed statistics agree: ``monitoring.drift.change_confirmation``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river import drift, stats, utils
from river.base import DriftDetector

from features.counts import CountLayout
from features.reference import Bins

__all__ = ["QUANTILES", "Change", "Rolling", "RollingDetectors"]

QUANTILES = (0.1, 0.5, 0.9)
"""Of the score."""
ROLLING_SAMPLES = 1000
"""Scores that the rolling statistics are about."""
RECENT = 32
"""Values whose mean is "after". What ADWIN keeps is no measure of it: it forgets no more of the
past than it must, so that most of what it keeps may be old."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a detector has found.

    Attributes
    ----------
    stream
        The field, or ``score``.
    is_score
        Whether it is the score, as a field may be called so too.
    detector
        ``adwin`` or ``page_hinkley``.
    before, after
        Mean of the values since the change before this, without the latest 32; None of no value.
        And mean of the latest 32. Of scores, or of a field's ranks among the training data, 0 to 1.
    """

    stream: str
    is_score: bool
    detector: str
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class Rolling:
    """The latest scores in a few numbers.

    Attributes
    ----------
    mean, variance
        Of the latest scores.
    quantiles
        By level: 0.1, 0.5 and 0.9.
    """

    mean: float
    variance: float
    quantiles: dict[float, float]


class RollingDetectors:
    """Watches the score, and the rank of every number, one value after the other.

    The state is a pure function of the values since it was made, in their order, however they are
    divided into calls: it is kept nowhere, but found again by replaying the samples.

    Parameters
    ----------
    layout
        The model's bins, with the training data's own counts.
    delta
        How likely a false alarm may be, for ADWIN: of one stream at one time.
    page_hinkley
        Whether Page and Hinkley's test runs beside ADWIN.

    References
    ----------
    A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive windowing", SIAM
    International Conference on Data Mining, 2007. E. S. Page, "Continuous inspection schemes",
    Biometrika 41, 1954.
    """

    def __init__(
        self, layout: CountLayout, *, delta: float = 0.002, page_hinkley: bool = False
    ) -> None:
        self._fields = len(layout.fields)
        self._latest = _LatestScores()
        # A field with a single bin has a single rank.
        self._ranked = [
            (column, _ranks(field))
            for column, field in enumerate(layout.fields)
            if field.by == "quantile" and field.size > 1
        ]
        names = [layout.fields[column].name for column, _ in self._ranked]

        def watch(stream: str, is_score: bool = False) -> list[_Watched]:
            detectors: dict[str, DriftDetector] = {
                "adwin": drift.ADWIN(delta=delta)  # type: ignore[no-untyped-call]
            }
            if page_hinkley:
                detectors["page_hinkley"] = drift.PageHinkley()
            return [_Watched(stream, is_score, *named) for named in detectors.items()]

        self._score = watch("score", is_score=True)
        self._numbers = [watch(name) for name in names]

    @property
    def streams(self) -> tuple[str, ...]:
        """What is watched: the score, then the fields."""
        return tuple(watched[0].stream for watched in (self._score, *self._numbers))

    def update(self, scores: NDArray[np.float32], codes: NDArray[np.int16]) -> list[Change]:
        """Read the next leads.

        Parameters
        ----------
        scores
            float32, shape (k,): calibrated scores, 0 to 1.
        codes
            int16, shape (k, fields): each value's code in the reference.

        Returns
        -------
        list of Change
            Those that came to light, stream by stream.

        Raises
        ------
        ValueError
            The codes are not of this model's fields.
        """
        if codes.shape != (len(scores), self._fields):
            raise ValueError(
                f"expected codes of {len(scores)} leads and {self._fields} fields, got the shape "
                f"{codes.shape}: the sample is of another model"
            )
        values = scores.astype(np.float64).tolist()
        self._latest.update(values)
        changes = [change for watched in self._score for change in watched.update(values)]
        for (column, ranks), streams in zip(self._ranked, self._numbers, strict=True):
            found = ranks[codes[:, column]]
            values = found[~np.isnan(found)].tolist()
            changes += [change for watched in streams for change in watched.update(values)]
        return changes

    def rolling(self) -> Rolling | None:
        """Tell of the latest 1,000 scores; None before the second."""
        return self._latest.summary()


class _LatestScores:
    """Mean, variance and quantiles of the latest scores."""

    def __init__(self) -> None:
        self._count = 0
        self._moments = utils.Rolling(stats.Var, window_size=ROLLING_SAMPLES)
        self._quantiles = {
            level: stats.RollingQuantile(level, ROLLING_SAMPLES) for level in QUANTILES
        }

    def update(self, values: Sequence[float]) -> None:
        self._count += len(values)
        for value in values:
            self._moments.update(value)
        for quantile in self._quantiles.values():
            for value in values:
                quantile.update(value)

    def summary(self) -> Rolling | None:
        if self._count < 2:
            return None
        return Rolling(
            mean=self._moments.obj.mean.get(),
            # Taking old values out again rounds: of equal scores it may end a hair below 0.
            variance=max(self._moments.obj.get(), 0.0),
            quantiles={
                level: value
                for level, quantile in self._quantiles.items()
                if (value := quantile.get()) is not None
            },
        )


class _Watched:
    """One detector on one stream. It begins anew after each change."""

    def __init__(self, stream: str, is_score: bool, name: str, detector: DriftDetector) -> None:
        self.stream = stream
        self._is_score = is_score
        self._name = name
        self._detector = detector
        self._begin()

    def _begin(self) -> None:
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._sum = 0.0
        self._count = 0

    def update(self, values: Iterable[float]) -> Iterator[Change]:
        detector, recent = self._detector, self._recent
        for value in values:
            detector.update(value)
            recent.append(value)
            self._sum += value
            self._count += 1
            if detector.drift_detected:
                yield self._change()
                self._begin()
                recent = self._recent

    def _change(self) -> Change:
        recent, others = sum(self._recent), self._count - len(self._recent)
        return Change(
            stream=self.stream,
            is_score=self._is_score,
            detector=self._name,
            before=(self._sum - recent) / others if others else None,
            after=recent / len(self._recent),
        )


def _ranks(bins: Bins) -> NDArray[np.float64]:
    """By code, the share of training values below the bin and half of those in it; NaN: missing."""
    counts = np.asarray(bins.counts[: bins.size], dtype=np.float64)
    middles = np.cumsum(counts) - counts / 2
    nowhere = [np.nan] * (bins.codes - bins.size)
    return np.concatenate((middles / max(counts.sum(), 1.0), nowhere))
