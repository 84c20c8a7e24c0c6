"""Options of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from model.metadata import Engagement
from model.training.bands import HIGH, MEDIUM, BandRule
from model.training.trainer import Trainer
from model.training.xgboost_trainer import XgboostTrainer
from schemas.fields import FieldKind
from schemas.readings import Reading

__all__ = ["TrainOptions"]

DEFAULT_TRAINER = XgboostTrainer()


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """Options of a training. Columns are named as in the file, or as fields.

    Parameters
    ----------
    target
        The column of the outcome.
    positive, negative
        Its values that count as success, and those that count as failure; empty where there are
        two values and one of them says yes (yes, true, 1, won …).
    ignore
        Its values whose rows are left out.
    matured
        Leads younger than this at the latest time in the file are left out, as their outcome is
        not known yet; None: none are. Needs ``time``.
    id
        The column that tells leads apart: never a feature. ``lead_id`` never is one either.
    group
        A column whose values show which rows belong together, besides those of one id, so that
        folds do not part them: never a feature.
    time
        The column of the leads' creation: rows are put in its order, the ages of dates count from
        it, and it gives its hour, weekday and month.
    ordered
        Whether the file is in the order of time.
    exclude
        Columns not to use.
    text
        Columns of free text.
    kinds
        Given kinds of columns, by name; None: the column is not used.
    decimal
        The file's decimal separator; None to decide it.
    dates
        What comes first in the file's dates such as 3/4/2024; None to decide it.
    missing
        Words of the file that mean missing, besides the usual ones.
    schema
        The leads' contract, an Avro record schema parsed from JSON; None to derive it.
    trials
        How many sets of the trainer's parameters to try; 0 for its own as they are.
    search_seconds
        No further set is tried after this time; None: no limit.
    readings
        How events write fields that the table has as plain numbers and times, by field: those of
        the model that a retrained one follows.
    name
        The model's name; a derived contract is called after it.
    seed
        Seed of all random numbers.
    threads
        How many to use; the result is the same. XGBoost's threads wait for each other busily: on
        processors that others use too, two are slower than one.
    high, medium
        How large the bands are; Medium is what comes below High.
    engagement
        The range in which the mean score is expected to stay; None to derive it from the scores.
    trainer
        What learns, with its parameters.
    """

    target: str
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    matured: timedelta | None = None
    id: str | None = None
    group: str | None = None
    time: str | None = None
    ordered: bool = False
    exclude: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    kinds: Mapping[str, FieldKind | None] = field(default_factory=dict)
    decimal: Literal[".", ","] | None = None
    dates: Literal["day", "month"] | None = None
    missing: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    trials: int = 0
    search_seconds: float | None = None
    readings: Mapping[str, Reading] = field(default_factory=dict)
    name: str = "leads"
    seed: int = 42
    threads: int = 1
    high: BandRule = HIGH
    medium: BandRule = MEDIUM
    engagement: Engagement | None = None
    trainer: Trainer = DEFAULT_TRAINER
