"""The acts of the demo: which leads are in which, and the settings of its workers."""

from __future__ import annotations

from typing import NamedTuple, Self

__all__ = ["CHAIN", "DRIFT", "LOWERED", "Acts"]

FIRST_SHARE, SHADOWED_SHARE = 0.75, 0.12


class Acts(NamedTuple):
    """Numbers of leads.

    Attributes
    ----------
    first
        Leads of the first act: the model in production scores them, and drift is measured.
    shadowed
        After the retraining: both models score them, for the verdict. The canary shares the rest.
    """

    first: int
    shadowed: int

    @classmethod
    def of(cls, leads: int) -> Self:
        """Return the numbers for all leads of a demo."""
        return cls(round(leads * FIRST_SHARE), round(leads * SHADOWED_SHARE))


WINDOW_DAYS = 30
DRIFT = {
    "LEADSCORE_ROLE": "all",
    "LEADSCORE_DRIFT_WINDOW_SECONDS": str(WINDOW_DAYS * 86_400),
    "LEADSCORE_DRIFT_HORIZONS": "1,3,12",
    "LEADSCORE_DRIFT_LATENESS_SECONDS": "0",
    "LEADSCORE_DRIFT_IDLE_SECONDS": "2",
    "LEADSCORE_DRIFT_SEASON_SECONDS": "0",
}
"""Two years are played in seconds: windows span a month, and late leads are not awaited."""
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
    # The scores of a model of other times are meant to differ.
    "LEADSCORE_ROLLOUT_MAX_PSI": "100",
    # Six processes share this machine.
    "LEADSCORE_ROLLOUT_MIN_LATENCY_MS": "100",
    "LEADSCORE_MODEL_POLL_SECONDS": "0.5",
}
"""Settings of the workers that retrain, and of the others."""
LOWERED = (
    "in this demo, months pass in minutes: the retraining tries one set of parameters (default: 50"
    " and a search), each step of the canary takes 2 s (1 and 2 days) and 50 leads (1,000), and"
    " neither other scores nor a delay under 100 ms end it. Gate and verdict have their defaults."
)
