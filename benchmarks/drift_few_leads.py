"""Measure false alarms and power of drift windows of few leads.

python -m benchmarks.drift_few_leads
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_cases import Bank
from features.counts import CountLayout, LeadCounts
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.field_drift import DriftState, DriftThresholds
from monitoring.drift.power import detectable_psi

SIZES = (50, 100, 300, 500, 1000)
STILL = 500
"""Windows without drift of each size."""
TRIALS = 100
"""Windows of each shift."""
STEPS = 6
"""Bisection steps of the search for the smallest PSI."""
RANGE = (0.05, 2.0)
FOUND = 0.8
FIELD = "age"


def main() -> None:
    started = time.monotonic()
    bank = Bank()
    thresholds = DriftThresholds(min_leads=min(SIZES))
    assessor = Assessor(bank.layout, importance={}, engagement=(0.0, 1.0), thresholds=thresholds)
    print(f"\n### {len(bank.layout.fields)} fields and the score; {STILL} windows of each size\n")
    print(
        "| leads | windows with drift | with a warning | smallest PSI found in 80 % | as reported |"
    )
    print("|--:|--:|--:|--:|--:|")
    for size in SIZES:
        random = np.random.default_rng(size)
        still = [_still(bank, assessor, size, random) for _ in range(STILL)]
        drifted = sum(any(field.is_drifted for field in one.fields) for one in still)
        warned = sum(one.state is not DriftState.OK for one in still)
        found = _smallest(bank.layout, assessor, size, random)
        noise = next(field for field in still[0].fields if field.name == FIELD).psi_noise or 0.0
        reported = detectable_psi(noise, size, len(bank.layout.fields), thresholds)
        alarms = f"{drifted / STILL:.1%} | {warned / STILL:.1%}"
        print(f"| {size:,} | {alarms} | {found:.2f} | {reported:.2f} |", flush=True)
    print(f"\nTook {time.monotonic() - started:.0f} s.")


def _still(bank: Bank, assessor: Assessor, size: int, random: np.random.Generator) -> Assessment:
    rows = random.integers(0, len(bank.rows), size)
    counts = bank.layout.count(bank.rows.codes[rows], bank.rows.scores[rows], label=0.5)
    start = int(random.integers(2**40))
    return assessor.assess(counts, name="24h", start=start, end=start + 86_400_000)


def _smallest(
    layout: CountLayout, assessor: Assessor, size: int, random: np.random.Generator
) -> float:
    low, high = RANGE
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        share = sum(_is_found(layout, assessor, size, middle, random) for _ in range(TRIALS))
        low, high = (low, middle) if share >= FOUND * TRIALS else (middle, high)
    return high


def _is_found(
    layout: CountLayout, assessor: Assessor, size: int, psi: float, random: np.random.Generator
) -> bool:
    """Return whether a shift of one field to this PSI is detected, with all others unchanged."""
    names = [*(field.name for field in layout.fields), "score"]
    parts = []
    for name, reference in zip(names, layout.parts(layout.reference_counts), strict=True):
        shares = reference / reference.sum()
        parts.append(random.multinomial(size, _tilted(shares, psi) if name == FIELD else shares))
    counts = LeadCounts(np.concatenate(parts).astype(np.int64), size, size, 0, 0)
    start = int(random.integers(2**40))
    found = assessor.assess(counts, name="24h", start=start, end=start + 86_400_000)
    return found.fields[names.index(FIELD)].is_drifted is True


def _tilted(shares: NDArray[np.float64], psi: float) -> NDArray[np.float64]:
    """Return shares that are tilted towards the upper bins, with this PSI."""
    low, high = 0.0, 50.0
    steps = np.arange(len(shares)) / len(shares)
    there = shares > 0
    for _ in range(60):
        tilt = (low + high) / 2
        tilted = shares * np.exp(tilt * steps)
        tilted /= tilted.sum()
        distance = ((tilted - shares)[there] * np.log(tilted[there] / shares[there])).sum()
        low, high = (tilt, high) if distance < psi else (low, tilt)
    return tilted


if __name__ == "__main__":
    main()
