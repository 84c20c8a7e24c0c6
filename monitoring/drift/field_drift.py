"""Drift of one field or the score against the reference, and the thresholds that judge it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.reference import AspectReference, Bins
from monitoring.drift.statistics import (
    TestResult,
    chi2_test,
    jensen_shannon,
    kl_divergence,
    ks_test,
    occupied,
    psi,
    psi_noise,
)

__all__ = ["DriftState", "DriftThresholds", "FieldCounts", "FieldDrift"]

DAY_MS = 86_400_000
RHYTHMS_MS = {"hour": DAY_MS, "weekday": 7 * DAY_MS}
"""Length of each date aspect's cycle: after it, every bin can have values."""
SURGE_DEVIATIONS, EXACT_SURGE_DEVIATIONS = 2.0, 3.0
"""Standard errors of a share by which a surge must exceed the threshold, as shares of few leads are
noisy. The second applies where the permutation test is used."""


class DriftState(StrEnum):
    """State of a field or horizon; ``too_few`` is not "ok": there are too few leads to judge."""

    TOO_FEW = "too_few"
    OK = "ok"
    WARN = "warn"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class DriftThresholds:
    """Thresholds above which a difference counts.

    Parameters
    ----------
    psi_warn, psi_critical
        Least PSI minus noise for the state warn, critical.
    psi_notable
        Least PSI minus noise for which a significant test counts.
    kl
        Least Kullback-Leibler divergence, in nats.
    p_value
        Significance of a field's test, after Bonferroni over its aspects and Benjamini and Hochberg
        over the fields.
    prediction_p_value
        Significance of the score's test.
    drift_share
        Least share of drifted fields for which the horizon counts as drifted.
    missing_change, unseen_change
        Rise of the share of missing values, or of levels without a bin, that is a surge.
    min_leads
        Least leads for an assessment of a horizon of a day or longer. A shorter one needs
        ``exact_below`` leads: a few leads of one hour always differ from those of whole days.
    exact_below
        Leads below which p-values are those of a permutation test of PSI, and a field must be
        significant to count as drifted: PSI alone is too noisy there.
    exact_p_value
        Significance of that test for a field, after Benjamini and Hochberg, and for the score.
    """

    psi_warn: float = 0.25
    psi_critical: float = 0.5
    psi_notable: float = 0.1
    kl: float = 0.1
    p_value: float = 0.05
    prediction_p_value: float = 0.01
    drift_share: float = 0.5
    missing_change: float = 0.05
    unseen_change: float = 0.05
    min_leads: int = 100
    exact_below: int = 1000
    exact_p_value: float = 0.01


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """Drift of a field, an aspect or the score: ``field_drift`` of a report.

    A further aspect is named ``field:aspect``, such as ``opened:hour``.

    Every number, and ``is_drifted``, is None below the least number of leads; ``missing`` of the
    score and ``unseen`` of fields without levels always are. Below 1,000 leads the p-values come
    from a permutation test of PSI. ``since`` is in milliseconds since 1970, UTC.
    """

    name: str
    is_score: bool
    state: DriftState
    is_drifted: bool | None
    test: Literal["ks", "chi2"]
    psi: float | None = None
    psi_noise: float | None = None
    kl: float | None = None
    js: float | None = None
    statistic: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    missing: float | None = None
    missing_reference: float | None = None
    unseen: float | None = None
    unseen_reference: float | None = None
    since: int | None = None


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """Counts by code of one field, aspect or the score, in the window and in the reference.

    Parameters
    ----------
    name
        The field's name, ``field:aspect``, or ``score``.
    bins
        Meaning of the codes.
    window, reference
        int64, shape (bins.codes,), neither of them all 0.
    is_score
        Whether these are the counts of the score.
    """

    name: str
    bins: Bins
    window: NDArray[np.int64]
    reference: NDArray[np.int64]
    is_score: bool = False

    @property
    def is_aspect(self) -> bool:
        """Whether it is a further aspect of a field."""
        return isinstance(self.bins, AspectReference)

    @property
    def field(self) -> str:
        """The name of the field."""
        return self.bins.field if isinstance(self.bins, AspectReference) else self.name

    def of_known(self) -> FieldCounts:
        """Return an aspect's counts without missing values; the field itself counts those."""
        if not self.is_aspect:
            return self
        window, reference = self.window.copy(), self.reference.copy()
        window[self.bins.missing] = reference[self.bins.missing] = 0
        return replace(self, window=window, reference=reference)

    @property
    def kind(self) -> Literal["ks", "chi2"]:
        """The test: Kolmogorov-Smirnov for numbers, chi² for all else."""
        return "ks" if self.bins.by == "quantile" else "chi2"

    def without_rhythm(self, span_ms: int) -> FieldCounts:
        """Merge the bins of a date aspect if the span is shorter than its cycle.

        A day holds one weekday of seven, and an hour one hour of 24: that is no drift. The merged
        counts still show whether dates are missing.
        """
        if span_ms >= RHYTHMS_MS.get(self.bins.by, 0):
            return self
        return replace(
            self, window=self._merged(self.window), reference=self._merged(self.reference)
        )

    def test(self) -> TestResult | None:
        """Compute the test: of numbers over the present values, of categories over all codes.

        Returns
        -------
        TestResult or None
            None for numbers without any value.
        """
        if self.kind == "chi2":
            return chi2_test(self.window, self.reference)
        window, reference = self._known
        return ks_test(window, reference) if window.any() and reference.any() else None

    def drift(
        self, test: TestResult | None, p_adjusted: float | None, thresholds: DriftThresholds
    ) -> FieldDrift:
        """Return the drift and its state.

        Parameters
        ----------
        test
            Result of ``test``.
        p_adjusted
            The p-value adjusted over the fields; None for the score, or if there is no test.
        thresholds
            Thresholds above which a difference counts.
        """
        index, noise = psi(self.window, self.reference), self._noise(self.window, self.reference)
        kl = kl_divergence(self.window, self.reference)
        excess = index - noise
        is_exact = self.is_exact(thresholds)
        if self.is_score:
            p, significance = test.p_value if test else None, thresholds.prediction_p_value
            is_strong = True
        else:
            p, significance = p_adjusted, thresholds.p_value
            is_strong = kl > thresholds.kl
        if is_exact:
            significance = thresholds.exact_p_value
        is_significant = p is not None and p < significance
        is_far, is_notable = excess > thresholds.psi_warn, excess > thresholds.psi_notable
        is_drifted = (is_far and (is_significant or not is_exact)) or (
            is_strong and is_notable and is_significant
        )
        missing, unseen = self._missing, self._unseen
        return FieldDrift(
            name=self.name,
            is_score=self.is_score,
            state=self._state(excess, is_drifted, thresholds),
            is_drifted=is_drifted,
            test=self.kind,
            psi=index,
            psi_noise=noise,
            kl=kl,
            js=jensen_shannon(self.window, self.reference),
            statistic=test.statistic if test else None,
            p_value=test.p_value if test else None,
            p_adjusted=p_adjusted,
            missing=missing[0] if missing else None,
            missing_reference=missing[1] if missing else None,
            unseen=unseen[0] if unseen else None,
            unseen_reference=unseen[1] if unseen else None,
        )

    def unmeasured(self) -> FieldDrift:
        """Return a drift without figures: there are too few leads."""
        return FieldDrift(self.name, self.is_score, DriftState.TOO_FEW, None, self.kind)

    def is_measurable(self, thresholds: DriftThresholds) -> bool:
        """Return whether enough leads have a value; aspects compare these alone."""
        if not self.is_aspect:
            return True
        return int(self.window.sum()) >= thresholds.min_leads and bool(self.reference.any())

    def is_exact(self, thresholds: DriftThresholds) -> bool:
        """Return whether the window is so small that its test is the permutation test."""
        return int(self.window.sum()) < thresholds.exact_below

    def surges(self, thresholds: DriftThresholds) -> bool:
        """Return whether far more values are missing, or without a bin, than in the reference."""
        errors = EXACT_SURGE_DEVIATIONS if self.is_exact(thresholds) else SURGE_DEVIATIONS
        return self._rises(self._missing, thresholds.missing_change, errors) or self._rises(
            self._unseen, thresholds.unseen_change, errors
        )

    def is_explained(self, thresholds: DriftThresholds) -> bool:
        """Return whether a surge explains the drift: the present, known values have not drifted."""
        window, reference = self._known
        if not self.surges(thresholds):
            return False
        if not (window.any() and reference.any()):
            return True
        return psi(window, reference) - self._noise(window, reference) <= thresholds.psi_notable

    @property
    def _known(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.window[: self.bins.size], self.reference[: self.bins.size]

    @property
    def _missing(self) -> tuple[float, float] | None:
        return None if self.is_score or self.is_aspect else self._shares(self.bins.missing)

    @property
    def _unseen(self) -> tuple[float, float] | None:
        return self._shares(self.bins.other) if self.bins.by == "level" else None

    def _shares(self, code: int) -> tuple[float, float]:
        window, reference = self.window, self.reference
        return float(window[code] / window.sum()), float(reference[code] / reference.sum())

    def _rises(self, shares: tuple[float, float] | None, change: float, errors: float) -> bool:
        if shares is None:
            return False
        now, before = shares
        sizes = 1 / self.window.sum() + 1 / self.reference.sum()
        return now - before > change + errors * sqrt(before * (1 - before) * sizes)

    def _merged(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        merged = counts.copy()
        merged[: self.bins.size] = 0
        merged[0] = counts[: self.bins.size].sum()
        return merged

    def _state(self, excess: float, is_drifted: bool, thresholds: DriftThresholds) -> DriftState:
        if excess > thresholds.psi_critical and is_drifted:
            return DriftState.CRITICAL
        return DriftState.WARN if is_drifted or self.surges(thresholds) else DriftState.OK

    @staticmethod
    def _noise(window: NDArray[np.int64], reference: NDArray[np.int64]) -> float:
        bins = occupied(window, reference)
        return psi_noise(bins, int(window.sum()), int(reference.sum()))
