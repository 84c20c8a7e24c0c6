"""Online change detectors: they read values one by one and compare a stream with its own past.

The windowed statistics measure how far the leads are from the training data; the detectors notice
earlier that something changed at all. A detected change counts once the windowed statistics confirm
it: ``monitoring.drift.change_confirmation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from river import drift, stats, utils
from river.base import DriftDetector

from features.counts import CountLayout
from features.reference import Bins
from monitoring.drift.mean_changes import MeanChanges

__all__ = ["QUANTILES", "Change", "Rolling", "RollingDetectors"]

QUANTILES = (0.1, 0.5, 0.9)
"""Quantiles of the score that are reported."""
ROLLING_SAMPLES = 1000
"""Number of latest scores in the rolling statistics."""
RECENT = 32
"""Number of latest values whose mean is ``after``. ADWIN's own window does not give it: ADWIN drops
as little of the past as it can, so most of its window may be from before the change."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a detector has found.

    Attributes
    ----------
    stream
        The field, or ``score``.
    is_score
        Whether the stream is the score; a field may have the same name.
    detector
        ``adwin`` or ``page_hinkley``.
    before, after
        ``after`` is the mean of the latest 32 values, ``before`` that of the earlier values since
        the previous change; None if there are none. The values are scores, or a field's ranks among
        the training data, 0 to 1.
    """

    stream: str
    is_score: bool
    detector: str
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class Rolling:
    """Rolling statistics of the latest scores.

    Attributes
    ----------
    mean, variance
        Mean and variance of the latest scores.
    quantiles
        Quantiles by level: 0.1, 0.5 and 0.9.
    """

    mean: float
    variance: float
    quantiles: dict[float, float]


class RollingDetectors:
    """Runs detectors on the score and on the rank of each numeric field.

    The state is a pure function of the sequence of values, however they are divided into calls. It
    is not persisted: after a restart the samples are replayed.

    Parameters
    ----------
    layout
        The model's bins, with the training data's own counts.
    delta
        ADWIN's bound on the probability of a false alarm, for one stream at one time.
    page_hinkley
        Whether the Page-Hinkley test runs in addition to ADWIN.

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
        # A field with a single bin has a single rank: it cannot change.
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
        """The monitored streams: the score, then the fields."""
        return tuple(watched[0].stream for watched in (self._score, *self._numbers))

    def update(self, scores: NDArray[np.float32], codes: NDArray[np.int16]) -> list[Change]:
        """Update the detectors with the next leads and return the changes found.

        Parameters
        ----------
        scores
            float32, shape (k,): calibrated scores, 0 to 1.
        codes
            int16, shape (k, fields): each value's code in the reference.

        Returns
        -------
        list of Change
            The changes found, stream by stream.

        Raises
        ------
        ValueError
            The shape of the codes does not fit the model's fields.
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
        """Return statistics of the latest 1,000 scores; None before the second score."""
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
            # Removing old values rounds: the variance of equal scores may come out just below 0.
            variance=max(self._moments.obj.get(), 0.0),
            quantiles={
                level: value
                for level, quantile in self._quantiles.items()
                if (value := quantile.get()) is not None
            },
        )


class _Watched:
    """One detector on one stream."""

    def __init__(self, stream: str, is_score: bool, name: str, detector: DriftDetector) -> None:
        self.stream = stream
        self._is_score = is_score
        self._name = name
        self._changes = MeanChanges(detector, RECENT)

    def update(self, values: Sequence[float]) -> Iterator[Change]:
        for found in self._changes.update(values):
            yield Change(
                stream=self.stream,
                is_score=self._is_score,
                detector=self._name,
                before=found.before,
                after=found.after,
            )


def _ranks(bins: Bins) -> NDArray[np.float64]:
    """Return the mid-rank of each code: the share of training values below, plus half of its bin.

    The rank of the code for missing values is NaN.
    """
    counts = np.asarray(bins.counts[: bins.size], dtype=np.float64)
    middles = np.cumsum(counts) - counts / 2
    nowhere = [np.nan] * (bins.codes - bins.size)
    return np.concatenate((middles / max(counts.sum(), 1.0), nowhere))
