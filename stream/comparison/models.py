"""Scores of a model, by the worker's own way from records or from columns of a file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from agents.offline import OfflineScorer
from features.matrix import Columns, FeatureEncoder
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from schemas.errors import InputError
from stream.comparison.score_values import ScoredSide
from stream.consume.partition_progress import Record
from stream.process.model_trial import Trials
from stream.schema_registry.opened import asked_schemas, with_own_framing
from stream.scoring.bundle_scorer import scorer_of
from stream.settings import Settings

__all__ = ["ModelScores", "load_model", "name_of", "score_columns", "score_records"]

ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class ModelScores:
    """Scores of a model, and the bins of the leads' fields.

    Attributes
    ----------
    side
        The scores of all n leads.
    bins
        int16, shape (n, counted): codes in the model's reference; missing where a lead is not
        scored.
    """

    side: ScoredSide
    bins: NDArray[np.int16]


def load_model(registry: str, reference: str) -> Bundle:
    """Load a model by name, name@alias, name/version or folder, and verify it.

    Raises
    ------
    ModelNotFoundError, BundleError
        There is no such model, or it must not be used.
    """
    return load_bundle(Registry(registry).resolve(reference), Trials())


def name_of(bundle: Bundle) -> str:
    """Return a model's name and version, such as ``leads/3``."""
    return f"{bundle.name}/{bundle.version}"


def score_records(bundle: Bundle, settings: Settings, records: Sequence[Record]) -> ModelScores:
    """Score records as a worker does: decode, features, predict, write the events.

    Records that a worker would send to the dead-letter topic have no score.
    """
    predictor = open_predictor(bundle, threads=settings.model_threads)
    scorer = scorer_of(
        bundle,
        predictor,
        with_own_framing(settings),
        topic=settings.leads_created,
        registered=asked_schemas(settings),
    )
    values: list[bytes | None] = [None] * len(records)
    bins = _missing(bundle, len(records))
    scored_at = time.time_ns() // 1_000_000
    for start in range(0, len(records), ROWS_AT_ONCE):
        batch = records[start : start + ROWS_AT_ONCE]
        read = scorer.decode(batch)
        features = scorer.features(read)
        bins[[start + position for position in read.leads.positions]] = scorer.counted_bins(
            features
        )
        outcome = scorer.outputs(
            read,
            features,
            scorer.predict(features),
            scored_at=scored_at,
            too_large=lambda _: (),
        )
        for position, (_, value, _) in zip(outcome.positions, outcome.scored, strict=True):
            values[start + position] = value
    return ModelScores(ScoredSide(name_of(bundle), values), bins)


def score_columns(
    bundle: Bundle, columns: Columns, rows: NDArray[np.int64], total: int
) -> ModelScores:
    """Score leads of a file as `leadscore score` does.

    Parameters
    ----------
    bundle
        The model.
    columns
        Its fields, n values each.
    rows
        int64, shape (n,): the index of each lead among all.
    total
        Number of all leads; those without columns have no score.

    Raises
    ------
    InputError
        There is no lead.
    """
    if not len(rows):
        raise InputError(
            "expected at least one lead that can be read, but there is none: name another file"
        )
    scorer = OfflineScorer(bundle, open_predictor(bundle))
    values: list[bytes | None] = [None] * total
    for row, event in zip(rows.tolist(), scorer.score(columns, len(rows)), strict=True):
        values[row] = orjson.dumps(event)
    bins = _missing(bundle, total)
    encoder = FeatureEncoder(bundle.metadata.spec, bundle.metadata.reference)
    bins[rows] = encoder.counted_bins(encoder.encode(columns, len(rows)))
    return ModelScores(ScoredSide(name_of(bundle), values), bins)


def _missing(bundle: Bundle, n: int) -> NDArray[np.int16]:
    codes = [field.missing for field in bundle.metadata.reference.counted]
    return np.tile(np.array(codes, dtype=np.int16), (n, 1))
