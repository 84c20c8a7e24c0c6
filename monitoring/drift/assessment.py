"""Drift assessment of one horizon: each field against the reference, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from features.counts import CountLayout, LeadCounts
from monitoring.drift.diagnosis import Diagnosis, diagnose
from monitoring.drift.field_drift import DriftState, DriftThresholds, FieldCounts, FieldDrift
from monitoring.drift.permutation import permutation_p_value
from monitoring.drift.statistics import TestResult, benjamini_hochberg

__all__ = ["Assessment", "Assessor"]

SEVERITY = tuple(DriftState)
"""States in ascending order of severity."""
DEFAULT = DriftThresholds()
DAY_MS = 86_400_000
UNSIGNED = 2**64
"""Seeds must not be negative, but the time of an event before 1970 is: seeds are taken modulo."""
DRAWS_A_FIELD = 2
"""Permutations per tested field and significance level: the smallest adjusted p-value is half of
the level."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Assessment of one horizon: ``horizon`` of a drift report (drift_report.avsc has the details).

    ``start`` and ``end`` are in milliseconds since 1970, UTC. ``fields`` are the model's fields in
    its order, then their further aspects, then the score. A field counts once in the shares: it has
    drifted if it or one of its aspects has.
    """

    name: str
    start: int
    end: int
    leads: int
    state: DriftState
    drifted_share: float | None
    weighted_share: float | None
    is_drift: bool | None
    is_prediction_drift: bool | None
    engagement: float | None
    is_engagement_healthy: bool | None
    coverage: float | None
    diagnosis: Diagnosis
    fields: tuple[FieldDrift, ...]

    @property
    def score(self) -> FieldDrift:
        """The drift of the score."""
        return self.fields[-1]

    @property
    def by_field(self) -> dict[str, list[FieldDrift]]:
        """The drift of each field, by name: first its own, then that of each further aspect."""
        found: dict[str, list[FieldDrift]] = {}
        for drift in self.fields[:-1]:
            found.setdefault(drift.name.partition(":")[0], []).append(drift)
        return found

    def with_since(self, since: Sequence[int | None]) -> Assessment:
        """Return a copy with the time since when each field has been in a bad state.

        Parameters
        ----------
        since
            One value for each field, the score last: milliseconds since 1970, UTC; None if its
            state is good.
        """
        pairs = zip(self.fields, since, strict=True)
        return replace(self, fields=tuple(replace(field, since=start) for field, start in pairs))

    def record(self) -> dict[str, Any]:
        """Return the record ``horizon`` of drift_report.avsc, as fastavro writes it."""
        return asdict(self) | {"fields": [asdict(field) for field in self.fields]}


class Assessor:
    """Compares the counts of a horizon with the reference of one model.

    Parameters
    ----------
    layout
        The model's bins, with the training data's own counts.
    importance
        Importance of each field for the model's scores, as a share; empty if unknown.
    engagement
        The healthy range of the mean score: lowest, highest.
    thresholds
        Thresholds above which a difference counts.

    Raises
    ------
    ValueError
        The reference of a field has no counts.
    """

    def __init__(
        self,
        layout: CountLayout,
        *,
        importance: Mapping[str, float],
        engagement: tuple[float, float],
        thresholds: DriftThresholds = DEFAULT,
    ) -> None:
        self._thresholds = thresholds
        self._low, self._high = engagement
        self._layout = layout
        self._reference = layout.parts(layout.reference_counts)
        self._importance = np.array([importance.get(field.name, 0.0) for field in layout.fields])
        names = (*(bins.name for bins in layout.counted), "score")
        for name, reference in zip(names, self._reference, strict=True):
            if not reference.any():
                raise ValueError(
                    f"Expected a reference with counts of training data, but that of {name} has "
                    "none: train the model again."
                )

    def assess(
        self, counts: LeadCounts, *, name: str, start: int, end: int, first: int | None = None
    ) -> Assessment:
        """Assess the leads of one horizon.

        Parameters
        ----------
        counts
            Counts of the horizon's leads.
        name
            Name of the horizon, such as 5m.
        start, end
            Milliseconds since 1970, UTC.
        first
            Time of the first lead, milliseconds since 1970, UTC; None: `start`. The first hours of
            a model do not cover all hours of a day, even if the horizon is longer than a day.
        """
        covered = end - (start if first is None else max(start, first))
        parts = self._parts(counts)
        parts = [part.of_known().without_rhythm(covered) for part in parts]
        if counts.leads < self._least(end - start):
            return _too_few(parts, counts.leads, name=name, start=start, end=end)
        if counts.leads < self._thresholds.exact_below:
            fields = self._judged(parts, self._exact_tests(parts, start, end))
        else:
            fields = self._judged(parts, [self._test(part) for part in parts])
        drifted_parts = [
            part for part, field in zip(parts[:-1], fields, strict=False) if field.is_drifted
        ]
        drifted_names = {part.field for part in drifted_parts}
        drifted = np.array([name in drifted_names for name in self._names])
        share, important = float(drifted.mean()), float(self._importance.sum())
        is_drift = share >= self._thresholds.drift_share
        worst = max((field.state for field in fields), key=SEVERITY.index)
        return Assessment(
            name=name,
            start=start,
            end=end,
            leads=counts.leads,
            state=DriftState.CRITICAL if is_drift else worst,
            drifted_share=share,
            weighted_share=float(self._importance[drifted].sum()) / important
            if important
            else None,
            is_drift=is_drift,
            is_prediction_drift=fields[-1].is_drifted,
            engagement=counts.mean_score,
            is_engagement_healthy=self._low <= counts.mean_score <= self._high,
            coverage=counts.coverage(self._layout.reference.typical_fields),
            diagnosis=diagnose(
                is_covariate=not all(part.is_explained(self._thresholds) for part in drifted_parts),
                is_prediction=fields[-1].is_drifted is True,
                is_surge=any(part.surges(self._thresholds) for part in parts[:-1]),
            ),
            fields=fields,
        )

    def _least(self, span_ms: int) -> int:
        """Return how many leads a horizon needs: more if it is shorter than a day.

        A few leads of one hour always differ from training data of whole days.
        """
        least, many = self._thresholds.min_leads, self._thresholds.exact_below
        return least if span_ms >= DAY_MS else max(least, many)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self._layout.fields)

    def _parts(self, counts: LeadCounts) -> list[FieldCounts]:
        *windows, score = self._layout.parts(counts.counts)
        *references, score_reference = self._reference
        counted = self._layout.counted
        return [
            *map(FieldCounts, [b.name for b in counted], counted, windows, references),
            FieldCounts(
                "score", self._layout.reference.score, score, score_reference, is_score=True
            ),
        ]

    def _test(self, part: FieldCounts) -> TestResult | None:
        return part.test() if part.is_measurable(self._thresholds) else None

    def _exact_tests(
        self, parts: Sequence[FieldCounts], start: int, end: int
    ) -> list[TestResult | None]:
        """Return each part's test with the p-value of a permutation test of PSI.

        The seed is derived from the horizon, so a window that is assessed again after a restart
        gets the same p-values.
        """
        draws = ceil(DRAWS_A_FIELD * len(parts) / self._thresholds.exact_p_value)
        found: list[TestResult | None] = []
        for column, part in enumerate(parts):
            if not part.is_measurable(self._thresholds):
                found.append(None)
                continue
            random = np.random.default_rng([start % UNSIGNED, end % UNSIGNED, column])
            p = permutation_p_value(part.window, part.reference, draws=draws, random=random)
            test = part.test()
            found.append(TestResult(test.statistic if test else None, p))
        return found

    def _judged(
        self, parts: Sequence[FieldCounts], found: Sequence[TestResult | None]
    ) -> tuple[FieldDrift, ...]:
        *tests, score_test = found
        adjusted = [*_adjusted([part.field for part in parts[:-1]], tests), None]
        return tuple(
            part.drift(test, p, self._thresholds)
            if part.is_measurable(self._thresholds)
            else part.unmeasured()
            for part, test, p in zip(parts, [*tests, score_test], adjusted, strict=True)
        )


def _adjusted(fields: Sequence[str], tests: Sequence[TestResult | None]) -> list[float | None]:
    """Return the adjusted p-values, so that aspects do not add false alarms.

    Within a field Bonferroni: each p-value is multiplied by the field's number of tests. The
    smallest one of each field is then adjusted over the fields by Benjamini and Hochberg.
    """
    sizes = Counter(field for field, test in zip(fields, tests, strict=True) if test)
    raised = [
        min(1.0, test.p_value * sizes[field]) if test else None
        for field, test in zip(fields, tests, strict=True)
    ]
    smallest: dict[str, float] = {}
    for field, p in zip(fields, raised, strict=True):
        if p is not None:
            smallest[field] = min(p, smallest.get(field, 1.0))
    of_field = dict(zip(smallest, benjamini_hochberg([*smallest.values()]).tolist(), strict=True))
    return [
        None if p is None else max(p, of_field[field])
        for field, p in zip(fields, raised, strict=True)
    ]


def _too_few(
    parts: Sequence[FieldCounts], leads: int, *, name: str, start: int, end: int
) -> Assessment:
    return Assessment(
        name=name,
        start=start,
        end=end,
        leads=leads,
        state=DriftState.TOO_FEW,
        drifted_share=None,
        weighted_share=None,
        is_drift=None,
        is_prediction_drift=None,
        engagement=None,
        is_engagement_healthy=None,
        coverage=None,
        diagnosis=Diagnosis.TOO_FEW,
        fields=tuple(part.unmeasured() for part in parts),
    )
