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
    """Steps of a canary: percentage of the leads and time of each; then it goes into production.
    Units of time: s, m, h, d."""

    rollout_min_leads: Count = 1000
    """Leads that the canary must have scored before a step ends."""

    rollout_silence_seconds: Seconds = 300.0
    """A step does not end if no lead came for so long."""

    rollout_settle_seconds: Seconds = 60.0
    """Time for all workers to load a step. After it, leads that they do not split are a broken
    split."""

    rollout_window_seconds: Seconds = 300.0
    """Harm is looked for in the whole step, and in the latest two windows of this length."""

    rollout_max_errors: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Share of its leads that the canary may fail to score."""

    rollout_max_latency: Annotated[float, Field(gt=0, le=1000)] = 0.5
    """How much longer the 95th percentile of the canary's time for its part of a batch may be than
    that of the model in production, as a share of it."""

    rollout_min_latency_ms: Annotated[float, Field(ge=0, le=60_000)] = 5.0
    """Smallest difference of these percentiles, in milliseconds, that counts as harm."""

    rollout_max_psi: Annotated[float, Field(gt=0, le=100)] = 0.25
    """Most population stability index of the scores of both models, beyond the noise. Raise it for
    a model that is meant to score otherwise: its quality is decided in shadow."""

    rollout_max_loss: Share = 0.1
    """Loss of conversions that ends the canary, as a share of those of the model in production."""

    rollout_confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.999
    """Confidence of each verdict, however often it is looked at."""
