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
    `prediction_drift`, `age`, `labels`, `schedule`, or `none`. A request always starts one."""

    retrain_drift_share: Share = 0.5
    """Share of drifted fields that starts a retraining; the state critical starts one whatever the
    share."""

    retrain_auc_loss: Share = 0.05
    """AUC in training minus AUC of matured leads that starts a retraining, if the 95 % interval of
    the latter excludes the former."""

    retrain_conversion_loss: Share = 0.2
    """Conversion of matured leads below their mean score, relative to it, that starts a retraining,
    if the 95 % interval of the conversion excludes the mean score."""

    retrain_age_days: Days = 90.0
    """Age of the model in production that starts a retraining."""

    retrain_new_labels: Count = 500
    """Number of new outcomes, since the data set of the last retraining, that starts a
    retraining."""

    retrain_schedule_days: Days = 30.0
    """Days between two retrainings, if `schedule` is among the triggers."""

    retrain_cooldown_hours: Annotated[float, Field(ge=0, le=8784)] = 24.0
    """Minimum time in hours from the end of a retraining to the next one, whatever triggers it. A
    person's request does not wait."""

    retrain_repeat_days: Days = 7.0
    """Days after which a cause that a retraining did not remove starts another one."""

    retrain_poll_seconds: Seconds = 60.0
    """Interval at which the trainer checks the triggers."""

    retrain_window_days: Days = 183.0
    """Length of the data set in days: it holds the latest leads whose outcome is known."""

    retrain_min_rows: Annotated[int, Field(ge=200, le=MOST)] = 10_000
    """Minimum number of leads with a known outcome. A lower one than the default is possible, with
    a warning."""

    retrain_time: Literal["record", "created"] = "record"
    """Time of a lead from which windows and horizons are counted: `record`, the time stamp of its
    record in Kafka; or `created`, its `created_at`, for leads that were loaded later."""

    retrain_archive: str | None = None
    """Archive from which the leads of the data set are read, a folder or URL; default: the topic of
    leads, as far back as its retention reaches."""

    retrain_keep_data: bool = True
    """Whether the data set is stored beside the model, as `training.parquet`: fields of leads,
    without their ids."""

    retrain_sample_rows: Annotated[int, Field(ge=200, le=MOST)] = 200_000
    """Number of leads that are in memory while a model is trained. If the data set has more, a
    random sample of this size decides columns, encodings, parameters, calibration and bands. The
    trees learn from all leads, block by block."""

    retrain_cache: Path | None = None
    """Folder on a disk in which the data set is made, and in which XGBoost keeps its rows while it
    trains; default: the system's folder for temporary files, and memory."""

    retrain_trials: Annotated[int, Field(ge=0, le=1000)] = 50
    """Maximum number of parameter sets that the search tries; 0: no search."""

    retrain_search_minutes: Annotated[float, Field(gt=0, le=10_080)] = 60.0
    """Time in minutes after which the search tries no further parameter set."""

    retrain_min_auc_gain: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Minimum relative gain of AUC for a candidate to pass the gate."""

    retrain_min_business_gain: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Minimum relative gain in the best-scored tenth of the leads, with which a candidate also
    passes the gate: of money, if most conversions have an amount in one currency, else of
    conversions."""

    retrain_max_segment_loss: Share = 0.05
    """Maximum loss of AUC in a segment for a candidate to pass the gate."""

    retrain_segments: Fields = ()
    """Fields whose segments the gate compares, separated by commas; default: the three on which the
    candidate depends most."""

    retrain_auto: bool = False
    """Whether a candidate that passes the gate becomes the canary without an approval, once the
    verdict on the shadow says that it is better."""

    retrain_verdict_seconds: Seconds = 3600.0
    """Interval at which the trainer reads that verdict."""
