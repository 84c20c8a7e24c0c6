"""Makes the scorer of a bundle: decoder, encoder, predictor and rules, as the settings say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from agents.drift import Counting
from agents.lead_segments import LeadSegments, SegmentField
from agents.rules import Rules
from agents.scoring import Scorer
from features.aspect_bins import further_bins
from features.counts import CountLayout
from features.field_spec import NumberField
from features.matrix import FeatureEncoder
from features.reason_labels import ReasonLabels
from features.reference import Bins, FieldReference, Reference
from features.spec import FeatureSpec
from model.bundle import Bundle
from model.metadata import BundleMetadata, Calibration, Thresholds
from model.serving.constant import ConstantPredictor
from model.serving.prediction import Predictor
from schemas.decode import LeadDecoder
from schemas.fields import FieldKind
from schemas.formats.event_format import EventFormat
from schemas.model_identity import ModelIdentity
from schemas.plausible_times import PlausibleTimes
from schemas.registered import RegisteredSchemas
from schemas.scored_event import ScoredModel
from schemas.store import SchemaStore
from schemas.wire import WireFormat, formats_with
from stream.scoring.grading import grades_of
from stream.settings import Settings

__all__ = ["CONSTANT_MODEL", "constant_scorer", "scorer_of"]

CONSTANT = "constant-development"
CONSTANT_MODEL = ModelIdentity(CONSTANT, "0", hashlib.sha256(CONSTANT.encode()).hexdigest())
"""Identity of the scorer without a bundle."""


def scorer_of(
    bundle: Bundle,
    predictor: Predictor,
    settings: Settings,
    *,
    topic: str,
    registered: RegisteredSchemas | None = None,
    replay_id: str | None = None,
    ages_at: int | None = None,
) -> Scorer:
    """Make the scorer of a bundle, for the leads of a topic, of a worker or of a replay."""
    metadata = bundle.metadata
    labels = metadata.reason_labels()
    model = _scored_model(
        bundle.identity,
        predictor,
        metadata.calibration,
        metadata.thresholds,
        labels,
        topic,
        replay_id,
    )
    store = SchemaStore.load(*settings.schema_folders)
    store.add(metadata.contract, f"the contract of model {bundle.name}")
    counting = Counting(
        bundle.identity,
        CountLayout(metadata.reference),
        metadata.thresholds.label,
        settings.drift_window_ms,
        further_bins(metadata.spec, metadata.reference),
    )
    return _scorer(
        model,
        metadata.spec,
        metadata.reference,
        predictor,
        labels,
        store,
        settings,
        counting if settings.drift else None,
        metadata.importance,
        registered,
        _reading_of(metadata),
        ages_at,
    )


def constant_scorer(settings: Settings, registered: RegisteredSchemas | None) -> Scorer:
    """Make a scorer that gives every lead the same score, under a name that says so."""
    spec = FeatureSpec(fields=(NumberField(name="created_at"),))
    labels = ("any", "other", "missing")
    field = FieldReference(name="created_at", by="quantile", labels=labels, counts=(0, 0, 0))
    reference = Reference(
        fields=(field,), score=Bins(by="quantile", labels=labels, counts=(0, 0, 0))
    )
    predictor = ConstantPredictor(len(spec.fields))
    reasons = ReasonLabels(spec, reference, by_aspect=False)
    model = _scored_model(
        CONSTANT_MODEL, predictor, Calibration(), Thresholds(), reasons, settings.leads_created
    )
    store = SchemaStore.load(*settings.schema_folders)
    return _scorer(
        model, spec, reference, predictor, reasons, store, settings, registered=registered
    )


def _scored_model(
    identity: ModelIdentity,
    predictor: Predictor,
    calibration: Calibration,
    thresholds: Thresholds,
    labels: ReasonLabels,
    topic: str,
    replay_id: str | None = None,
) -> ScoredModel:
    return ScoredModel(
        identity=identity,
        engine=predictor.engine,
        calibration_method=calibration.method,
        slope=calibration.slope,
        intercept=calibration.intercept,
        high=thresholds.high,
        medium=thresholds.medium,
        label=thresholds.label,
        reason_texts=labels.texts,
        topic=topic,
        replay_id=replay_id,
    )


def _scorer(
    model: ScoredModel,
    spec: FeatureSpec,
    reference: Reference,
    predictor: Predictor,
    labels: ReasonLabels,
    store: SchemaStore,
    settings: Settings,
    counting: Counting | None = None,
    importance: Mapping[str, float] | None = None,
    registered: RegisteredSchemas | None = None,
    reading: object = None,
    ages_at: int | None = None,
) -> Scorer:
    formats = formats_with(registered)
    decoder = LeadDecoder(
        store,
        spec.kinds,
        max_bytes=settings.max_event_bytes,
        keeps_bytes=True,
        readings=spec.readings,
        names=spec.names,
        formats=formats,
    )
    decoder.prepare()
    return Scorer(
        model,
        decoder=decoder,
        encoder=FeatureEncoder(spec, reference, importance or {}),
        predictor=predictor,
        labels=labels,
        rules=Rules(settings.min_coverage, settings.low_coverage, settings.max_attempts),
        wire=WireFormat(settings.output_format),
        formats=formats,
        is_framed_by_headers=registered is not None,
        counting=counting,
        times=PlausibleTimes(spec.readings, settings.earliest_ms, settings.times_ahead_ms),
        reading=reading,
        ages_at=ages_at,
        segments=_segments(settings, store, formats),
        grades=grades_of(settings, store, registered),
    )


def _segments(
    settings: Settings, store: SchemaStore, formats: Mapping[WireFormat, EventFormat]
) -> LeadSegments | None:
    """Return what finds the segments of leads; None if no field is named."""
    fields = [SegmentField.of_text(text) for text in settings.outcome_segments]
    if not fields:
        return None

    def decoder_of(kinds: Mapping[str, FieldKind]) -> LeadDecoder:
        decoder = LeadDecoder(
            store, kinds, max_bytes=settings.max_event_bytes, keeps_bytes=True, formats=formats
        )
        decoder.prepare()
        return decoder

    return LeadSegments(fields, decoder_of)


def _reading_of(metadata: BundleMetadata) -> object:
    """Return what decides how a model's decoder reads a lead, besides the settings."""
    spec = metadata.spec
    return spec.kinds, spec.readings, spec.sources, metadata.contract
