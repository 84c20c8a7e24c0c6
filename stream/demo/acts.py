"""The acts of the demo: which leads are in which, and the settings of its workers."""

from __future__ import annotations

from typing import NamedTuple, Self

__all__ = ["CHAIN", "LOWERED", "Acts"]

FIRST_SHARE, SHADOWED_SHARE = 0.64, 0.21


class Acts(NamedTuple):
    """Numbers of leads.

    Attributes
    ----------
    first
        Of the first act: the model in production scores them, and drift is measured.
    shadowed
        After the retraining: both models score them, for the verdict. The canary shares the rest.
    """

    first: int
    shadowed: int

    @classmethod
    def of(cls, leads: int) -> Self:
        """Return the numbers for all leads of a demo."""
        return cls(round(leads * FIRST_SHARE), round(leads * SHADOWED_SHARE))


CHAIN = {
    "LEADSCORE_RETRAIN_AUTO": "true",
    "LEADSCORE_RETRAIN_TRIGGERS": "drift",
    "LEADSCORE_RETRAIN_POLL_SECONDS": "1",
    "LEADSCORE_RETRAIN_VERDICT_SECONDS": "3",
    "LEADSCORE_RETRAIN_WINDOW_DAYS": "3660",
    "LEADSCORE_RETRAIN_MIN_ROWS": "1000",
    "LEADSCORE_RETRAIN_TRIALS": "0",
    # Times are those of the data, years ago; the outcome of a call is known at its end.
    "LEADSCORE_RETRAIN_TIME": "created",
    "LEADSCORE_OUTCOME_TIME": "created_at",
    "LEADSCORE_OUTCOME_HORIZON_DAYS": "1",
    "LEADSCORE_OUTCOME_LATE_DAYS": "0.01",
    "LEADSCORE_ROLLOUT_STEPS": "20@2s,50@2s",
    "LEADSCORE_ROLLOUT_MIN_LEADS": "50",
    "LEADSCORE_ROLLOUT_MAX_PSI": "100",
    "LEADSCORE_MODEL_POLL_SECONDS": "0.5",
}
"""Settings of all workers of the demo."""
LOWERED = (
    "for minutes instead of months: a retraining from 1,000 leads on (default 10,000) and without a"
    " search, a canary of 20 % and 50 % for 2 s each (1 and 2 days) with 50 leads a step (1,000),"
    " whose scores may differ as they are meant to. Gate and verdict judge as by default."
)
