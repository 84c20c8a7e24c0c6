"""The two samples that a snapshot compares: recent leads, scored, and training leads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.reference_sample import LeadSample, read_sample, shown_numbers
from model.bundle import Bundle, load_bundle
from model.serving.predictor import open_predictor
from model.storage import open_folder
from schemas.errors import StartupError
from stream.consume.partition_progress import Record
from stream.process.model_trial import Trials
from stream.schema_registry.opened import asked_schemas, with_own_framing
from stream.scoring.bundle_scorer import scorer_of
from stream.scoring.serving_model import locate
from stream.settings import Settings

__all__ = ["comparable_bundle", "reference_sample", "scored_sample"]

ROWS_AT_ONCE = 2000
REFERENCE = "reference.parquet"


def comparable_bundle(settings: Settings) -> Bundle:
    """Load the model that serves.

    Raises
    ------
    StartupError
        There is no model, only the constant score of development.
    ModelNotFoundError, BundleError
        There is no such model, or it must not be used.
    """
    location = locate(settings)
    if location is None:
        raise StartupError(
            f"expected the model {settings.model} in {settings.registry}, but it does not exist,"
            " and a constant score has no training leads to compare with: train a model with"
            " `leadscore train`"
        )
    return load_bundle(location, Trials())


def reference_sample(bundle: Bundle) -> LeadSample:
    """Read the sample of training leads and their scores from a bundle.

    Raises
    ------
    StartupError
        The bundle has no sample.
    InputError
        It is damaged.
    """
    content = open_folder(bundle.location).read(REFERENCE)
    if content is None:
        raise StartupError(
            f"expected a file {REFERENCE} in {bundle.location}, but it does not exist: train the"
            " model again with `leadscore train`, which writes it"
        )
    metadata = bundle.metadata
    name = f"{bundle.location}/{REFERENCE}"
    return read_sample(content, name, metadata.spec, metadata.reference)


def scored_sample(bundle: Bundle, settings: Settings, records: Sequence[Record]) -> LeadSample:
    """Score records as a worker does, without those that are dead letters."""
    predictor = open_predictor(bundle, reasons=False)
    scorer = scorer_of(
        bundle,
        predictor,
        with_own_framing(settings),
        topic=settings.leads_created,
        registered=asked_schemas(settings),
    )
    read = scorer.decode(records)
    features = scorer.features(read)
    scores = [
        predictor.predict(features.matrix[start : start + ROWS_AT_ONCE]).probability
        for start in range(0, len(features.matrix), ROWS_AT_ONCE)
    ]
    nothing = np.empty(0, dtype=np.float32)
    numbers = shown_numbers(bundle.metadata.spec, read.leads.columns, features)
    bins = scorer.counted_bins(features)
    return LeadSample(numbers, bins, np.concatenate([nothing, *scores]))
