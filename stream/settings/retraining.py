"""Settings: retraining."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from stream.settings.base import MOST, Count, Seconds, SettingsGroup, Share, split

__all__ = ["RetrainingSettings"]

Days = Annotated[float, Field(gt=0, le=3660)]
RetrainTrigger = Literal[
    "auc",
    "conversion",
    "drift",
    "prediction_drift",
    "age",
    "labels",
    "schedule",
    "none",
]
Fields = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split)]


class RetrainingSettings(SettingsGroup):
    """Retraining: what triggers it, its data, the search, and the gate."""

    retrain_triggers: Annotated[tuple[RetrainTrigger, ...], NoDecode, BeforeValidator(split)] = (
        *("auc", "conversion", "drift", "prediction_drift", "age", "labels"),
    )
    """Triggers of a retraining, separated by commas: `auc`, `conversion`, `drift`,
    `prediction_drift`, `age`, `labels`, `schedule`, or `none`. A request always does."""

    retrain_drift_share: Share = 0.5
    """Share of drifted fields from which on drift starts a retraining; a critical state does so
    whatever the share."""

    retrain_auc_loss: Share = 0.05
    """Loss of AUC, that of the training minus that of matured leads, that starts a retraining
    if the 95 % interval excludes that of the training."""

    retrain_conversion_loss: Share = 0.2
    """Relative loss of the conversion of matured leads, against their mean score, that starts a
    retraining if the 95 % interval excludes the mean score."""

    retrain_age_days: Days = 90.0
    """Age of the model in production that starts a retraining."""

    retrain_new_labels: Count = 500
    """Number of outcomes since the data set of the last retraining beyond which there is one."""

    retrain_schedule_days: Days = 30.0
    """Days between two retrainings, if `schedule` is among the triggers."""

    retrain_cooldown_hours: Annotated[float, Field(ge=0, le=8784)] = 24.0
    """Hours from the end of a retraining to the next one, whatever triggers it; a request of a
    person does not wait for them."""

    retrain_repeat_days: Days = 7.0
    """Days until the same cause, which a retraining did not remove, starts another one."""

    retrain_poll_seconds: Seconds = 60.0
    """Interval at which the trainer looks for a trigger."""

    retrain_window_days: Days = 183.0
    """Length of the data set: the latest leads whose outcome is known."""

    retrain_min_rows: Annotated[int, Field(ge=200, le=MOST)] = 10_000
    """Least number of leads with a known outcome. A lower one is possible, with a warning."""

    retrain_time: Literal["record", "created"] = "record"
    """Time of a lead that windows and horizons count from: that of its record in Kafka, or its
    `created_at`, for leads that were loaded afterwards."""

    retrain_archive: str | None = None
    """Archive of leads, a folder or URL, that the data set is read from; default: the topic of
    leads, which holds as much as its retention allows."""

    retrain_keep_data: bool = True
    """Whether the data set stays beside the model, as `training.parquet`: fields of leads, without
    their ids."""

    retrain_cache: Path | None = None
    """Folder on a disk in which XGBoost keeps the rows while it trains, for data sets that do not
    fit into memory twice more; default: in memory."""

    retrain_trials: Annotated[int, Field(ge=0, le=1000)] = 50
    """Sets of parameters that the search tries; 0: none."""

    retrain_search_minutes: Annotated[float, Field(gt=0, le=10_080)] = 60.0
    """Minutes after which the search tries no further set."""

    retrain_min_auc_gain: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Least relative gain of AUC with which a candidate passes the gate."""

    retrain_min_business_gain: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Least relative gain of what the best-scored tenth brings with which a candidate passes, too:
    in money, if most conversions have an amount in one currency, else in conversions."""

    retrain_max_segment_loss: Share = 0.05
    """Largest loss of AUC in a segment with which a candidate passes."""

    retrain_segments: Fields = ()
    """Fields whose segments must not lose, separated by commas; default: the three on which the
    candidate depends most."""

    retrain_auto: bool = False
    """Whether a candidate that passes the gate becomes the canary without an approval, once the
    verdict on the shadow says that it is better."""

    retrain_verdict_seconds: Seconds = 3600.0
    """Interval at which the trainer reads the verdict on the shadow, for such a candidate."""
