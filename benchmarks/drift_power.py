"""Compare the reported power of drift windows of few leads with drawn windows, by kind of field.

python -m benchmarks.drift_power
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.field_drift import DriftThresholds
from monitoring.drift.power import detectable_psi
from monitoring.drift.statistics import SMOOTHING, psi_noise

__all__ = ["DIRECTIONS", "FIELDS", "SIZES", "Drawn", "main", "measure"]

Shares = NDArray[np.float64]
Counts = NDArray[np.int64]

SIZES = (100, 300, 500, 999)
REFERENCE = 20_000
"""Leads of the reference."""
TESTED = 20
"""Fields that are tested beside each other, of which one drifts."""
NULL_WINDOWS, WINDOWS = 40_000, 1000
"""Windows without drift, by which PSI is significant; windows of each PSI."""
STEPS = 9
"""Halvings of the range in which the smallest PSI is looked for."""
RANGE = (0.05, 3.0)
FOUND = 0.8


def _zipf(levels: int) -> Shares:
    shares: Shares = 1 / np.arange(1.0, levels + 1)
    found: Shares = shares / shares.sum()
    return found


FIELDS: dict[str, Shares] = {
    "number, 20 even bins": np.full(20, 0.05),
    "number, 10 even bins": np.full(10, 0.1),
    "number, 80 % in one bin": np.array([0.8, *[0.02] * 10]),
    "weekday": np.array([0.19, 0.19, 0.18, 0.17, 0.17, 0.06, 0.04]),
    "5 levels": np.array([0.4, 0.25, 0.2, 0.1, 0.05]),
    "30 levels, few frequent": _zipf(30),
    "yes or no, 10 %": np.array([0.9, 0.1]),
    "yes or no, 50 %": np.array([0.5, 0.5]),
}
"""Shares of the bins in training, by what the field is."""


def _upwards(shares: Shares, far: float) -> Shares:
    """Tilt towards the last bins, as a number that grows."""
    return shares * np.exp(far * np.linspace(0, 12, len(shares)))


def _one_bin(shares: Shares, far: float) -> Shares:
    """Move leads to the least frequent bin, as a level that becomes usual."""
    moved = min(far, 0.98)
    rarest: Shares = np.eye(len(shares))[int(np.argmin(shares))]
    found: Shares = (1 - moved) * shares + moved * rarest
    return found


def _to_the_usual(shares: Shares, far: float) -> Shares:
    """Move leads to the most frequent bin, as a default that nobody changes."""
    moved = min(far, 0.98)
    usual: Shares = np.eye(len(shares))[int(np.argmax(shares))]
    found: Shares = (1 - moved) * shares + moved * usual
    return found


DIRECTIONS: dict[str, Callable[[Shares, float], Shares]] = {
    "upwards": _upwards,
    "to the rarest bin": _one_bin,
    "to the usual bin": _to_the_usual,
}


class Drawn(NamedTuple):
    """Result of one kind of field.

    Attributes
    ----------
    field, direction, leads
        The field, how it is shifted, and the number of leads in a window.
    found
        The smallest true PSI that is found in 80 % of the drawn windows; NaN where none is: the
        shift cannot go so far.
    reported
        The one that ``detectable_psi`` says.
    """

    field: str
    direction: str
    leads: int
    found: float
    reported: float


def measure(seed: int = 1, windows: int = WINDOWS) -> Iterator[Drawn]:
    """Measure each kind of field, each direction and each size."""
    random = np.random.default_rng(seed)
    for field, shares in FIELDS.items():
        reference = np.round(shares * REFERENCE).astype(np.int64)
        for leads in SIZES:
            noise = psi_noise(len(shares), leads, REFERENCE)
            reported = detectable_psi(noise, leads, TESTED)
            least = _significant(reference, shares, leads, random)
            for direction in DIRECTIONS:
                found = _smallest(
                    reference, shares, direction, leads, noise, least, random, windows
                )
                yield Drawn(field, direction, leads, found, reported)


def _significant(
    reference: Counts, shares: Shares, leads: int, random: np.random.Generator
) -> float:
    """Return the PSI that is significant beside the other fields."""
    distances, _ = _distances(random.multinomial(leads, shares, NULL_WINDOWS), reference)
    share = 1 - DriftThresholds().exact_p_value / TESTED
    return float(np.quantile(distances, share, method="higher"))


def _smallest(
    reference: Counts,
    shares: Shares,
    direction: str,
    leads: int,
    noise: float,
    least: float,
    random: np.random.Generator,
    windows: int,
) -> float:
    low, high = RANGE
    limits = DriftThresholds()
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        drifted = _shifted(shares, direction, middle)
        if drifted is None:
            high = middle
            continue
        psi, kl = _distances(random.multinomial(leads, drifted, windows), reference)
        excess = psi - noise
        is_far = excess > limits.psi_warn
        is_notable = (excess > limits.psi_notable) & (kl > limits.kl)
        share = ((psi >= least) & (is_far | is_notable)).mean()
        low, high = (low, middle) if share >= FOUND else (middle, high)
    return high if _shifted(shares, direction, high * 1.01) is not None else float("nan")


def _shifted(shares: Shares, direction: str, psi: float) -> Shares | None:
    """Return shares at a distance of this PSI; None where the shift cannot go so far."""
    low, high = 0.0, 1.0
    for _ in range(50):
        far = (low + high) / 2
        moved = DIRECTIONS[direction](shares, far)
        moved = moved / moved.sum()
        distance = float(((moved - shares) * np.log(moved / shares)).sum())
        low, high = (far, high) if distance < psi else (low, far)
    return moved if abs(distance - psi) < 0.02 * psi else None


def _distances(windows: Counts, reference: Counts) -> tuple[Shares, Shares]:
    """Return PSI and the Kullback-Leibler divergence of each window, as in the reports."""
    p, q = windows + SMOOTHING, reference + SMOOTHING
    p, q = p / p.sum(axis=1, keepdims=True), q / q.sum()
    logs = np.log(p / q)
    return ((p - q) * logs).sum(axis=1), (p * logs).sum(axis=1)


def main() -> None:
    """Print a table."""
    print(f"\n{TESTED} fields, a reference of {REFERENCE:,} leads\n")
    print("| field | shift | leads | smallest PSI found in 80 % | as reported | ratio |")
    print("|---|---|--:|--:|--:|--:|")
    ratios = []
    for drawn in measure():
        ratio = drawn.reported / drawn.found
        ratios.append(ratio)
        print(
            f"| {drawn.field} | {drawn.direction} | {drawn.leads:,} | {drawn.found:.2f}"
            f" | {drawn.reported:.2f} | {ratio:.2f} |"
        )
    known = np.array(ratios)[~np.isnan(ratios)]
    low, middle, high = np.quantile(known, [0, 0.5, 1])
    print(f"\nReported over found: {low:.2f} to {high:.2f}, median {middle:.2f}")


if __name__ == "__main__":
    main()
