"""A candidate: trained on a data set, and measured against the model in production."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.outcomes import Outcomes
from agents.comparison.scored_pair import ScoredPair
from agents.comparison.segments import SegmentedField
from agents.retraining.gate import GateVerdict, judge_candidate
from agents.retraining.hold_out import (
    SideScorer,
    columns_of,
    joined_segments,
    joined_sides,
    segments_of,
    split_by_time,
)
from agents.retraining.lead_values import LeadValues, values_of
from features.table import Table
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from schemas.errors import InputError
from schemas.fields import FieldKind
from stream.process.model_trial import Trials
from stream.retraining.data_rows import DataRows
from stream.retraining.data_set import CURRENCY, EXTRA, TARGET, VALUE, DataSet
from stream.retraining.plan import RetrainPlan
from stream.settings import Settings

if TYPE_CHECKING:
    from model.training.options import TrainOptions
    from model.training.train import TrainedModel

__all__ = ["Candidate", "lead_values", "require_training", "train_candidate"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model and the verdict on it.

    Attributes
    ----------
    trained
        If the gate passed: trained on the whole data set, with the parameters of the model that was
        measured. Else that one, which has not seen the hold-out.
    verdict
        The verdict of the gate.
    hold_out
        Number of leads that it was measured on.
    """

    trained: TrainedModel
    verdict: GateVerdict
    hold_out: int


def require_training() -> None:
    """Import what training needs: it takes seconds.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import model.training.train  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"retraining needs {error.name}, which is not installed: install leadscore[train]"
        ) from None


def train_candidate(
    settings: Settings,
    plan: RetrainPlan,
    production: Bundle,
    data: DataSet,
    on_step: Progress = lambda _: None,
) -> Candidate:
    """Train on the leads before the hold-out, compare on the hold-out, and train on all if passed.

    Raises
    ------
    InputError
        The data set has too few leads of a kind.
    """
    from model.training.train import train

    rows, most = DataRows(data), settings.retrain_sample_rows
    split = split_by_time(data.times, plan.cut.horizon_ms + plan.cut.late_ms, rows.converted)
    options = _options(settings, plan, production)
    table, others = rows.training(split.earlier, most, plan.seed)
    measured = train(table, options, on_step, others)
    on_step("comparing with the model in production")
    verdict = _judge(settings, plan, production, measured, rows, split.start)
    if verdict.is_passed:
        on_step("training on all leads of the data set")
        table, others = rows.training(len(rows), most, plan.seed)
        measured = train(table, _as_measured(options, measured), on_step, others)
    return Candidate(measured, verdict, len(rows) - split.start)


def lead_values(table: Table, converted: NDArray[np.bool_]) -> LeadValues | None:
    """Return what the leads of a data set brought; None if that is not known of most."""
    columns: Any = table.columns_for({VALUE: FieldKind.NUMBER, CURRENCY: FieldKind.CATEGORY})
    return values_of(converted, np.asarray(columns[VALUE], dtype=np.float64), columns[CURRENCY])


def _options(settings: Settings, plan: RetrainPlan, production: Bundle) -> TrainOptions:
    from model.training.options import TrainOptions
    from model.training.xgboost_trainer import XgboostTrainer

    spec = production.metadata.spec
    texts = [name for name, kind in spec.kinds.items() if kind is FieldKind.TEXT]
    return TrainOptions(
        target=TARGET,
        positive=("true",),
        time="created_at",
        exclude=EXTRA,
        text=tuple(texts),
        schema=production.metadata.contract,
        readings=spec.readings,
        name=plan.model,
        seed=plan.seed,
        trials=settings.retrain_trials,
        search_seconds=settings.retrain_search_minutes * 60,
        trainer=XgboostTrainer(cache=settings.retrain_cache),
    )


def _as_measured(options: TrainOptions, measured: TrainedModel) -> TrainOptions:
    """Return the options for the same recipe, without a search."""
    from model.training.boosting import BoostingParameters
    from model.training.xgboost_trainer import XgboostTrainer

    assert isinstance(options.trainer, XgboostTrainer)
    found = BoostingParameters(**measured.report.parameters)
    return replace(options, trials=0, trainer=replace(options.trainer, boosting=found))


def _judge(
    settings: Settings,
    plan: RetrainPlan,
    production: Bundle,
    measured: TrainedModel,
    rows: DataRows,
    start: int,
) -> GateVerdict:
    if not measured.report.verdict.has_signal:
        return GateVerdict(False, (measured.report.verdict.sentence,), None)
    with tempfile.TemporaryDirectory() as folder:
        registry = Registry(folder)
        version = registry.publish(plan.model, measured.artefacts)
        candidate = load_bundle(registry.location(plan.model, version), Trials())
    pair, segments = _scored(production, candidate, rows.latest(start), settings.retrain_segments)
    converted = rows.converted[start:]
    return judge_candidate(
        pair,
        Outcomes(np.ones(len(pair), dtype=bool), converted),
        segments,
        plan.rules,
        values=lead_values(rows.latest_columns(start, VALUE, CURRENCY), converted),
    )


def _scored(
    production: Bundle, candidate: Bundle, blocks: Iterable[Table], wanted: Sequence[str]
) -> tuple[ScoredPair, list[SegmentedField]]:
    """Score leads block by block; return both scores and the segments of all."""
    scorers = SideScorer(production), SideScorer(candidate)
    before, after, segments = [], [], []
    for table in blocks:
        own, n = columns_of(candidate, table), table.rows
        before.append(scorers[0].side_of(columns_of(production, table), n))
        after.append(scorers[1].side_of(own, n))
        segments.append(segments_of(candidate, own, n, wanted))
    return ScoredPair(joined_sides(before), joined_sides(after)), joined_segments(segments)
