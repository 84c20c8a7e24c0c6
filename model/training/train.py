"""Train a model on a table of past leads: from columns to the files of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.binning import build_reference
from features.coverage import typical_lead
from features.matrix import FeatureEncoder
from features.personal import LEAST_LEADS
from features.spec import FeatureSpec
from features.table import Table
from model.bundle import Artefacts
from model.column_plan import ColumnPlan
from model.metadata import BundleError, BundleMetadata, Golden, Training
from model.serving.onnx_runtime import OnnxPredictor
from model.training.bands import Bands, choose_bands
from model.training.baseline import logistic_scores
from model.training.cross_validation import CrossValidated, Recipe, cross_validate, validate_latest
from model.training.curves import segment_figures, tenths
from model.training.export import parity, to_onnx
from model.training.healthy_range import healthy_range
from model.training.importance import field_importance
from model.training.inspection import Inspection, answer_warnings, inspect_columns
from model.training.latest import LatestChange, compare_latest
from model.training.options import TrainOptions
from model.training.planning import column_warnings, plan_columns, with_results
from model.training.preparation import Prepared, prepare
from model.training.reference_rows import reference_rows
from model.training.report import TrainingReport, metrics
from model.training.search import search_parameters
from model.training.served import Served, serve
from model.training.specify import fit_spec
from model.training.verdict import Verdict, judge

__all__ = ["TrainOptions", "TrainedModel", "train"]

PARITY = 1e-6
"""How far an ONNX score may be from the trainer's own."""
GAP_SHARE = 0.1
"""Share of values taken out of the training data to compare scores of leads with gaps."""
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
    table: Table, options: TrainOptions, on_step: Callable[[str], None] = lambda _: None
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

    on_step("training on all leads")
    spec = fit_spec(data.leads).with_sources(data.table.originals)
    spec = spec.with_readings(options.readings)
    served = serve(recipe, spec, data.leads, validated, verdict)
    bands = choose_bands(served.scores, data.leads.labels, options.high, options.medium)
    columns, rows = data.leads.columns, len(data.leads)
    reference = build_reference(spec, columns, rows, served.scores, data.leads.groups)
    encoder = FeatureEncoder(spec, reference)
    features = encoder.encode(columns, rows)
    matrix = features.matrix
    importance = field_importance(served.ensemble, spec, matrix)
    is_present = features.bins != reference.missing_codes
    typical = typical_lead(list(spec.kinds), importance, is_present)
    reference = reference.model_copy(update={"typical": typical})
    planned = with_results(plan_columns(data), importance, inspection.leaks)
    warnings = (
        *_warnings(data, validated, verdict, bands, change, inspection),
        *column_warnings(planned),
    )
    # Those of the figures; without signal the model has one score for all, which the card shows.
    unseen = validated.scores if verdict.has_signal else served.scores
    metadata = BundleMetadata(
        spec=spec,
        reference=reference,
        calibration=served.calibration,
        thresholds=bands.thresholds,
        engagement=options.engagement
        or healthy_range(served.scores, is_ordered=data.order is not None),
        importance=importance,
        golden=_golden(served, matrix),
        metrics=metrics(
            *(verdict, validated, bands, change, inspection),
            window=None if data.window is None else list(data.window),
            tenths=tenths(data.leads.labels, unseen),
            segments=segment_figures(
                *(data.leads.labels, unseen, reference, features.bins),
                *(importance, list(spec.shown_names)),
            ),
        ),
        training=_training(data, options, recipe, planned, warnings),
        contract=dict(data.contract),
    )
    on_step("exporting, and comparing every score with the trainer's own")
    onnx = to_onnx(served.ensemble, metadata)
    difference = _check_parity(onnx, served, matrix)
    ubj = served.ensemble.ubj(metadata)
    sample = reference_rows(data.leads, encoder, reference, features, served.scores)
    report = TrainingReport(
        rows=rows,
        positives=int(data.leads.labels.sum()),
        fields={field.name: len(field.columns) for field in spec.fields},
        columns=planned,
        dropped=data.inferred.dropped,
        never_missing=_never_missing(data, spec, is_present) if verdict.has_signal else (),
        inspection=inspection,
        warnings=warnings,
        verdict=verdict,
        calibration=served.calibration,
        cross_validated=validated,
        bands=bands,
        change=change,
        parameters=recipe.trainer.parameters,
        parity=difference,
    )
    return TrainedModel(Artefacts(onnx, ubj, sample), metadata, report)


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


def _warnings(
    data: Prepared,
    validated: CrossValidated,
    verdict: Verdict,
    bands: Bands,
    change: LatestChange | None,
    inspection: Inspection,
) -> tuple[str, ...]:
    warnings = [*answer_warnings(validated.auc, inspection.strongest), *data.warnings]
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


def _never_missing(
    data: Prepared, spec: FeatureSpec, is_present: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Return which fields every lead has, by their names in the file."""
    return tuple(
        data.table.originals[name]
        for name, is_there in zip(spec.kinds, is_present.T, strict=True)
        if is_there.all()
    )


def _training(
    data: Prepared,
    options: TrainOptions,
    recipe: Recipe,
    columns: tuple[ColumnPlan, ...],
    warnings: tuple[str, ...],
) -> Training:
    return Training(
        rows=len(data.leads),
        positives=int(data.leads.labels.sum()),
        data_sha256=data.table.sha256,
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


def _check_parity(onnx: bytes, served: Served, matrix: NDArray[np.float32]) -> float:
    """Compare the scores of all leads, as they are and with gaps."""
    predictor = OnnxPredictor(onnx)
    gaps = np.random.default_rng(0).random(matrix.shape) < GAP_SHARE
    with_gaps = np.where(gaps, np.float32(np.nan), matrix)
    difference = max(
        parity(predictor, served.ensemble, served.calibration, rows) for rows in (matrix, with_gaps)
    )
    if not difference <= PARITY:
        raise BundleError(
            f"The exported model's scores differ from the trainer's by up to {difference:.2g}; at "
            f"most {PARITY:g} is allowed, so there is no bundle. This is a defect of the export: "
            "please report it with the versions of xgboost and onnxruntime."
        )
    return difference
