"""Smallest drift that a horizon of few leads can show."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from monitoring.drift.field_drift import DriftThresholds
from monitoring.drift.statistics import SMOOTHING

__all__ = ["VANISHING", "detectable_psi"]

VANISHING = 1.7
"""Factor on that PSI if rare values vanish: their bins become empty, so the measured PSI stays
below the true one. Largest ratio measured by ``benchmarks/drift_power.py``."""

POWER = NormalDist().inv_cdf(0.8)
"""Standard errors between the threshold and a PSI that is found in 80 % of the windows."""


def detectable_psi(
    noise: float, leads: int, fields: int, thresholds: DriftThresholds | None = None
) -> float:
    """Compute the smallest true PSI of a field that a window of this size shows in 80 % of cases.

    Measured PSI times the effective number of leads is about a noncentral chi² variable; it is
    approximated by a normal variable of the same mean and variance, and the quantile of chi² by
    Wilson and Hilferty's formula. The window is assumed to be far smaller than the reference,
    and values to become more frequent; see ``VANISHING`` for the others.

    Parameters
    ----------
    noise
        Expected PSI without drift (``psi_noise``).
    leads
        Leads of the window, above 0.
    fields
        Number of fields that are tested together, at least 1.
    thresholds
        Thresholds above which a difference counts; None: the default thresholds.

    References
    ----------
    P. Patnaik, "The non-central χ² and F distributions and their applications", Biometrika 36,
    1949. E. Wilson and M. Hilferty, "The distribution of chi-square", PNAS 17, 1931.
    """
    limits = thresholds or DriftThresholds()
    degrees = max(noise * leads, 1.0)
    # Kullback-Leibler divergence is about half of PSI.
    needed = min(limits.psi_warn + noise, max(limits.psi_notable + noise, 2 * limits.kl))
    least = leads * needed
    if leads < limits.exact_below:
        least = max(least, _chi2_quantile(1 - limits.exact_p_value / fields, degrees))
    # Solve degrees + x - least = POWER * sqrt(2 * (degrees + 2 * x)) for x.
    gap, slack = least - degrees, 2 * POWER**2
    x = gap + slack + sqrt(slack * (slack + 2 * gap + degrees))
    # Half a lead in every bin shrinks the measured differences, and PSI is about their square.
    return x / leads * (1 + SMOOTHING * (degrees + 1) / leads) ** 2


def _chi2_quantile(share: float, degrees: float) -> float:
    spread = 2 / (9 * degrees)
    root: float = 1 - spread + NormalDist().inv_cdf(share) * sqrt(spread)
    return degrees * root**3
