"""Settings: rollouts of canaries."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from model.rollout_plan import read_steps
from stream.settings.base import Count, Seconds, SettingsGroup, Share

__all__ = ["RolloutSettings"]


def _check_steps(steps: str) -> str:
    read_steps(steps)
    return steps


class RolloutSettings(SettingsGroup):
    """Rollouts: the steps of a canary, and the harm that ends it."""

    rollout_steps: Annotated[str, AfterValidator(_check_steps)] = "10@1d,50@2d"
    """Steps of a canary: the percentage of the leads and the duration of each. After the last step
    the canary goes into production. Units of time: s, m, h, d."""

    rollout_min_leads: Count = 1000
    """Minimum number of leads that the canary must have scored before a step ends."""

    rollout_silence_seconds: Seconds = 300.0
    """A step does not end while the latest lead is older than this."""

    rollout_settle_seconds: Seconds = 60.0
    """Time for a worker to load a step. A partition whose leads are processed for longer without
    being split is harm (`split`)."""

    rollout_window_seconds: Seconds = 300.0
    """Length of the windows in which the rollout agent looks for harm: the latest two, in addition
    to the whole step."""

    rollout_max_errors: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Maximum share of its leads that the canary may fail to score."""

    rollout_max_latency: Annotated[float, Field(gt=0, le=1000)] = 0.5
    """Maximum relative increase of the 95th percentile of the time that a model takes for its part
    of a batch, of the canary against the model in production."""

    rollout_min_latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 5.0
    """Minimum difference of these percentiles, in milliseconds, that counts as harm."""

    rollout_max_psi: Annotated[float, Field(gt=0, le=100)] = 0.25
    """Maximum population stability index between the scores of both models, minus the noise. Raise
    it for a model that is meant to score otherwise: its quality is decided in shadow."""

    rollout_max_loss: Share = 0.1
    """Loss of conversions that ends the canary, relative to those of the model in production."""

    rollout_confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.999
    """Confidence of each decision that there is harm, however often the figures are read."""
