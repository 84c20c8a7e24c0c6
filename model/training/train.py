"""Train a model on a table of past leads: from columns to the files of a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.binning import build_reference
from features.coverage import typical_lead
from features.matrix import FeatureEncoder, Features
from features.personal import LEAST_LEADS
from features.reference import Reference
from features.spec import FeatureSpec
from features.table import Table
from model.bundle import Artefacts
from model.column_plan import ColumnPlan
from model.metadata import BundleMetadata, Golden, Training
from model.training.bands import Bands, choose_bands
from model.training.baseline import logistic_scores
from model.training.cross_validation import CrossValidated, Recipe, cross_validate, validate_latest
from model.training.curves import segment_figures, tenths
from model.training.export import check_parity, to_onnx
from model.training.healthy_range import healthy_range
from model.training.importance import field_importance
from model.training.inspection import Inspection, answer_warnings, inspect_columns
from model.training.latest import LatestChange, compare_latest
from model.training.options import TrainOptions
from model.training.other_leads import OtherLeads
from model.training.planning import column_warnings, plan_columns, with_results
from model.training.preparation import Prepared, prepare
from model.training.reference_rows import reference_rows
from model.training.report import TrainingReport, metrics
from model.training.search import search_parameters
from model.training.served import Served, serve
from model.training.specify import fit_spec
from model.training.verdict import Verdict, judge

__all__ = ["TrainOptions", "TrainedModel", "train"]

GOLDEN_ROWS, GOLDEN_GAPS = 32, 3
"""Every third golden row lacks every third value."""


@dataclass(frozen=True)
class TrainedModel:
    """A model that was checked, ready for ``Registry.publish``.

    Attributes
    ----------
    artefacts
        The bundle's files.
    metadata
        The model's metadata; also inside the files.
    report
        How good it is.
    """

    artefacts: Artefacts = field(repr=False)
    metadata: BundleMetadata = field(repr=False)
    report: TrainingReport


def train(
    table: Table,
    options: TrainOptions,
    on_step: Callable[[str], None] = lambda _: None,
    others: OtherLeads | None = None,
) -> TrainedModel:
    """Train a model. Nothing is printed or written; the same input gives the same bytes.

    Parameters
    ----------
    table
        Past leads.
    options
        What to learn, and how.
    on_step
        Called with the name of each step when it begins.
    others
        Further leads of the same columns, which are not in memory; the table is a sample of all
        then. None: there are none.

    Raises
    ------
    InputError
        A column that is named is not there, the target is not usable, there are too few leads, or
        the table does not fit the contract.
    BundleError
        The exported model scores otherwise than the trained one: a defect, never the input's
        fault.
    """
    on_step("reading the columns")
    data = prepare(table, options)
    recipe = _recipe(data, options, on_step)
    measured = _measure(data, recipe, options, on_step)
    on_step("training on all leads")
    fitted = _fit(data, recipe, measured, options, others)
    planned = with_results(plan_columns(data), fitted.importance, measured.inspection.leaks)
    warnings = (*_warnings(data, measured, fitted.bands), *column_warnings(planned))
    warnings += _sampled(data, others)
    metadata = BundleMetadata(
        spec=fitted.spec,
        reference=fitted.reference,
        calibration=fitted.served.calibration,
        thresholds=fitted.bands.thresholds,
        engagement=options.engagement
        or healthy_range(fitted.served.scores, is_ordered=data.order is not None),
        importance=fitted.importance,
        golden=_golden(fitted.served, fitted.features.matrix),
        metrics=_figures(data, measured, fitted),
        training=_training(data, options, recipe, planned, warnings, others),
        contract=dict(data.contract),
    )
    on_step("exporting, and comparing every score with the trainer's own")
    artefacts, difference = _export(data, fitted, metadata)
    report = TrainingReport(
        rows=metadata.training.rows,
        positives=metadata.training.positives,
        fields={field.name: len(field.columns) for field in fitted.spec.fields},
        columns=planned,
        dropped=data.inferred.dropped,
        never_missing=_never_missing(data, fitted) if measured.verdict.has_signal else (),
        inspection=measured.inspection,
        warnings=warnings,
        verdict=measured.verdict,
        calibration=fitted.served.calibration,
        cross_validated=measured.validated,
        bands=fitted.bands,
        change=measured.change,
        parameters=recipe.trainer.parameters,
        parity=difference,
    )
    return TrainedModel(artefacts, metadata, report)


@dataclass(frozen=True, slots=True)
class _Measured:
    """How good models of the recipe are on leads that they were not trained on."""

    validated: CrossValidated
    verdict: Verdict
    change: LatestChange | None
    inspection: Inspection


def _measure(
    data: Prepared, recipe: Recipe, options: TrainOptions, on_step: Callable[[str], None]
) -> _Measured:
    on_step("cross-validating")
    validated = cross_validate(data.leads, recipe)
    on_step("comparing with a logistic regression")
    baseline = logistic_scores(data.leads, validated.folds, options.seed)
    verdict = judge(
        data.leads.labels,
        validated,
        baseline,
        data.leads.groups,
        has_parted_copies=data.groups.identical_parted,
    )
    change = None
    if data.order:
        on_step("measuring the latest 20 %")
        latest = validate_latest(data.leads, recipe)
        change = compare_latest(data.leads, validated, latest) if latest else None
    inspection = inspect_columns(data.leads, data.table.originals, options.seed)
    return _Measured(validated, verdict, change, inspection)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The model of all leads, and how it reads and scores them."""

    spec: FeatureSpec
    served: Served
    bands: Bands
    encoder: FeatureEncoder
    reference: Reference
    features: Features
    importance: Mapping[str, float]

    @property
    def is_present(self) -> NDArray[np.bool_]:
        """Which fields each lead has."""
        is_there: NDArray[np.bool_] = self.features.bins != self.reference.missing_codes
        return is_there


def _fit(
    data: Prepared,
    recipe: Recipe,
    measured: _Measured,
    options: TrainOptions,
    others: OtherLeads | None,
) -> _Fitted:
    leads = data.leads
    spec = fit_spec(leads).with_sources(data.table.originals).with_readings(options.readings)
    served = serve(recipe, spec, leads, measured.validated, measured.verdict, others)
    bands = choose_bands(served.scores, leads.labels, options.high, options.medium)
    reference = build_reference(spec, leads.columns, len(leads), served.scores, leads.groups)
    encoder = FeatureEncoder(spec, reference)
    features = encoder.encode(leads.columns, len(leads))
    importance = field_importance(served.ensemble, spec, features.matrix)
    fitted = _Fitted(spec, served, bands, encoder, reference, features, importance)
    typical = typical_lead(list(spec.kinds), importance, fitted.is_present)
    return replace(fitted, reference=reference.model_copy(update={"typical": typical}))


def _figures(data: Prepared, measured: _Measured, fitted: _Fitted) -> dict[str, Any]:
    """Return the figures of the model, which its card shows."""
    labels, verdict = data.leads.labels, measured.verdict
    # Without signal the model has one score for all leads; the card shows its figures then.
    unseen = measured.validated.scores if verdict.has_signal else fitted.served.scores
    return metrics(
        *(verdict, measured.validated, fitted.bands, measured.change, measured.inspection),
        window=None if data.window is None else list(data.window),
        tenths=tenths(labels, unseen),
        segments=segment_figures(
            *(labels, unseen, fitted.reference, fitted.features.bins),
            *(fitted.importance, list(fitted.spec.shown_names)),
        ),
    )


def _export(data: Prepared, fitted: _Fitted, metadata: BundleMetadata) -> tuple[Artefacts, float]:
    """Return the files of the bundle, and how far a score of theirs is from the trainer's."""
    served = fitted.served
    onnx = to_onnx(served.ensemble, metadata)
    difference = check_parity(onnx, served.ensemble, served.calibration, fitted.features.matrix)
    sample = reference_rows(
        data.leads, fitted.encoder, fitted.reference, fitted.features, served.scores
    )
    return Artefacts(onnx, served.ensemble.ubj(metadata), sample), difference


def _recipe(data: Prepared, options: TrainOptions, on_step: Callable[[str], None]) -> Recipe:
    recipe = Recipe(options.trainer, options.seed, options.threads)
    if not options.trials:
        return recipe
    on_step(f"trying {options.trials} sets of parameters")
    found = search_parameters(
        data.leads,
        recipe,
        options.trials,
        is_ordered=data.order is not None,
        seconds=options.search_seconds,
    )
    return replace(recipe, trainer=found)


def _warnings(data: Prepared, measured: _Measured, bands: Bands) -> tuple[str, ...]:
    verdict, change = measured.verdict, measured.change
    strongest = measured.inspection.strongest
    warnings = [*answer_warnings(measured.validated.auc, strongest), *data.warnings]
    if verdict.has_signal:
        warnings += bands.warnings
    else:  # the bands can't part the leads then
        warnings.insert(0, f"{verdict.sentence} {verdict.consequence}")
    if change:
        warnings += change.warnings
    elif data.order:
        warnings.append(
            "The latest 20 % could not be measured: too few positives or negatives in them, or "
            "before them."
        )
    return tuple(warnings)


def _sampled(data: Prepared, others: OtherLeads | None) -> tuple[str, ...]:
    if others is None:
        return ()
    sampled = len(data.leads)
    return (
        f"{sampled:,} of the {sampled + others.rows:,} leads, drawn at random, decided the columns,"
        " their encodings, calibration, bands and figures; the trees have learnt from all.",
    )


def _never_missing(data: Prepared, fitted: _Fitted) -> tuple[str, ...]:
    """Return which fields every lead has, by their names in the file."""
    return tuple(
        data.table.originals[name]
        for name, is_there in zip(fitted.spec.kinds, fitted.is_present.T, strict=True)
        if is_there.all()
    )


def _training(
    data: Prepared,
    options: TrainOptions,
    recipe: Recipe,
    columns: tuple[ColumnPlan, ...],
    warnings: tuple[str, ...],
    others: OtherLeads | None,
) -> Training:
    return Training(
        rows=len(data.leads) + (others.rows if others else 0),
        positives=int(data.leads.labels.sum()) + (others.positives if others else 0),
        data_sha256=others.sha256 if others else data.table.sha256,
        seed=options.seed,
        target=data.target,
        positive=data.positive,
        labels=data.labels,
        groups=data.groups,
        order=data.order,
        dropped=data.inferred.dropped,
        least_leads=LEAST_LEADS,
        columns=columns,
        warnings=warnings,
        parameters=recipe.trainer.parameters,
    )


def _golden(served: Served, matrix: NDArray[np.float32]) -> Golden:
    chosen = np.unique(np.linspace(0, len(matrix) - 1, GOLDEN_ROWS).astype(int))
    rows = matrix[chosen]
    for row in rows[::GOLDEN_GAPS]:
        row[::GOLDEN_GAPS] = np.nan
    return Golden.of(rows, served.calibration.probability(served.ensemble.margins(rows)))
