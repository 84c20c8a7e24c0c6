"""Triggers of a rollback: each states the figures that it saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import log

import numpy as np

from agents.rollout.evidence import TIME_BINS, Counts, Evidence, LeadSplit, time_of
from agents.rollout.sequential import excess, imbalance, trials_to_find
from monitoring.drift.statistics import occupied, psi, psi_noise

__all__ = ["PSI_LEADS", "Finding", "Limits", "Trigger", "conversions_to_find", "findings"]

LATENCY_QUANTILE = 0.95
PSI_LEADS = 500


class Trigger(StrEnum):
    """Why a canary is removed."""

    ERRORS = "errors"
    LATENCY = "latency"
    DEAD_LETTERS = "dead_letters"
    SPLIT = "split"
    SCORES = "scores"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class Limits:
    """The harm that is tolerated.

    Attributes
    ----------
    errors
        Share of the canary's leads that it may fail to score.
    latency
        How much longer than the other model's the 95th percentile of its time may be, as a share.
    latency_ms
        And how much longer at least, in milliseconds: what is shorter does not matter.
    psi
        Most population stability index of its scores and the other model's, beyond the noise.
    psi_leads
        Leads of each model from which on that is looked at.
    business
        Loss of conversions, as a share of the other model's.
    confidence
        Confidence of each verdict, however often it is looked at.
    """

    errors: float = 0.02
    latency: float = 0.5
    latency_ms: float = 5.0
    psi: float = 0.25
    psi_leads: int = PSI_LEADS
    business: float = 0.1
    confidence: float = 0.999

    def evidence(self, count: int = 0) -> float:
        """Return the log of the e-value that is enough.

        Parameters
        ----------
        count
            How often the evidence was started again. The n-th gets the
            share 1 / n(n + 1) of the error, so all together get no more than one.
        """
        return log(1 / (1 - self.confidence)) + (log(count * (count + 1)) if count else 0.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason to roll back, in a sentence with its figures."""

    trigger: Trigger
    sentence: str


def findings(evidence: Evidence, limits: Limits) -> list[Finding]:
    """Return all reasons to roll back, of the latest two windows or of the whole step."""
    found: dict[Trigger, Finding] = {}
    looks = (
        (evidence.recent(), limits.evidence(evidence.windows)),
        (evidence.total, limits.evidence()),
    )
    for counts, enough in looks:
        for finding in _of_counts(counts, evidence.share / 100, limits, enough):
            found.setdefault(finding.trigger, finding)
    for finding in _of_leads(evidence.split, evidence.share / 100, limits):
        found.setdefault(finding.trigger, finding)
    return list(found.values())


def conversions_to_find(share: float, limits: Limits) -> float:
    """Return about how many conversions it takes to find a loss as large as the limit.

    Parameters
    ----------
    share
        Share of the canary, 0 to 1.
    limits
        The loss and the confidence.
    """
    kept = share * (1 - limits.business)
    return trials_to_find(kept / (kept + 1 - share), share, limits.confidence)


def _of_counts(counts: Counts, share: float, limits: Limits, enough: float) -> Iterator[Finding]:
    canary, production = counts.canary, counts.production
    if excess(canary.failed, canary.leads, limits.errors) > enough:
        yield Finding(
            Trigger.ERRORS,
            f"the canary failed to score {canary.failed:,} of {canary.leads:,} leads, more than"
            f" {limits.errors:.1%}",
        )
    dead = canary.dead + production.dead
    if canary.dead and excess(canary.dead, dead, share) > enough:
        yield Finding(
            Trigger.DEAD_LETTERS,
            f"{canary.dead:,} of {canary.leads:,} leads of the canary became dead letters, of the"
            f" other model {production.dead:,} of {production.leads:,}",
        )
    yield from _latency(counts, limits, enough)
    yield from _scores(counts, limits)


def _latency(counts: Counts, limits: Limits, enough: float) -> Iterator[Finding]:
    """Compare the canary's times with the limit that the other model's 95th percentile gives.

    If the canary is no slower than that, at most one in twenty of its leads takes longer.
    """
    canary, production = counts.canary.times, counts.production.times
    if not canary.sum() or not production.sum():
        return
    usual = _quantile_us(production)
    limit = max(usual * (1 + limits.latency), usual + 1000 * limits.latency_ms)
    is_longer = np.array([time_of(position - 1) for position in range(TIME_BINS)]) >= limit
    slow, leads = int(canary[is_longer].sum()), int(canary.sum())
    if excess(slow, leads, 1 - LATENCY_QUANTILE) > enough:
        yield Finding(
            Trigger.LATENCY,
            f"p95 of the time in the model is {_quantile_us(canary) / 1000:.1f} ms, of the other"
            f" model {usual / 1000:.1f} ms, by {leads:,} leads",
        )


def _quantile_us(times: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    at = int(np.searchsorted(np.cumsum(times), LATENCY_QUANTILE * times.sum()))
    return time_of(min(at, TIME_BINS - 1))


def _scores(counts: Counts, limits: Limits) -> Iterator[Finding]:
    canary, production = counts.canary.scores, counts.production.scores
    leads, others = int(canary.sum()), int(production.sum())
    if min(leads, others) < limits.psi_leads:
        return
    value = psi(canary, production)
    noise = psi_noise(max(occupied(canary, production), 2), leads, others)
    if value - 2 * noise > limits.psi:
        yield Finding(
            Trigger.SCORES,
            f"the scores' PSI between the two models is {value:.2f}, {noise:.2f} of it noise, more"
            f" than {limits.psi:g}, by {leads:,} and {others:,} leads of the same kind",
        )


def _of_leads(split: LeadSplit, share: float, limits: Limits) -> Iterator[Finding]:
    if imbalance(split.canary, split.leads, share) > limits.evidence(split.rounds):
        yield Finding(
            Trigger.SPLIT,
            f"the canary got {split.canary:,} of {split.leads:,} leads,"
            f" {split.canary / split.leads:.1%} instead of {share:.1%}",
        )
    if finding := _business(split, share, limits):
        yield finding


def _business(split: LeadSplit, share: float, limits: Limits) -> Finding | None:
    """Compare the conversions: of equal models, the canary's part of them is its share."""
    canary, others = split.converted[True], split.converted[False]
    if not others or not split.canary or split.canary == split.leads:
        return None
    rates = canary / split.canary, others / (split.leads - split.canary)
    is_worse = excess(others, canary + others, 1 - share) > limits.evidence(split.rounds)
    if not is_worse or rates[0] > rates[1] * (1 - limits.business):
        return None
    return Finding(
        Trigger.BUSINESS,
        f"{rates[0]:.2%} of the canary's leads converted, of the other model's {rates[1]:.2%}, by"
        f" {canary + others:,} conversions",
    )
