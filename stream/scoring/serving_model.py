"""The model that serves: taken from the registry, verified, and made into a scorer."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.batch_scorer import BatchScorer
from agents.canary_split import CanarySplit
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
from model.bundle import Bundle, Trial, load_bundle
from model.metadata import BundleError, BundleMetadata, Calibration, Thresholds
from model.registry import ModelNotFoundError, Registry
from model.serving.constant import ConstantPredictor
from model.serving.prediction import Predictor
from model.serving.predictor import open_predictor, why_not_compiled
from schemas.decode import LeadDecoder
from schemas.formats.event_format import EventFormat
from schemas.model_identity import ModelIdentity
from schemas.plausible_times import PlausibleTimes
from schemas.registered import RegisteredSchemas
from schemas.scored_event import ScoredModel
from schemas.store import SchemaStore
from schemas.urls import mask_url
from schemas.wire import WireFormat, formats_with
from stream.kafka.commit_metadata import ModelPin, scoring_key
from stream.scoring.contract_check import verify_contract
from stream.scoring.grading import grades_of
from stream.settings import Settings

__all__ = ["Serving", "load_pin", "load_pinned", "load_serving", "locate", "scorer_of"]

log = logging.getLogger(__name__)

CONSTANT = "constant-development"


@dataclass(frozen=True, slots=True)
class Serving:
    """A model in service.

    Attributes
    ----------
    scorer
        Its way from records to scored events.
    identity, engine, calibration, published
        What it is, as metrics, commits and drift counts name it.
    info
        What /model-info answers: the same and more, as JSON.
    """

    scorer: BatchScorer
    identity: ModelIdentity
    engine: str
    calibration: str
    info: Mapping[str, Any]
    published: float | None = None
    """Seconds since 1970."""
    canary: CanarySplit | None = None
    """The part of the leads that its scorer gives to another model."""

    @property
    def key(self) -> str:
        """Text that differs from that of models that score otherwise."""
        return scoring_key(self.identity, self.canary)

    @property
    def described(self) -> str:
        """Its models, for log lines."""
        model = f"model {self.identity.id}/{self.identity.version}"
        if self.canary is None:
            return model
        return f"{model}, with {self.canary.share:g} % to canary {self.canary.model.version},"

    def pin(self, since: int) -> ModelPin:
        """Return the pin of a partition that it scores from an offset on."""
        return ModelPin(self.identity, since, canary=self.canary)


def locate(settings: Settings) -> str | None:
    """Find the bundle that the settings' reference leads to.

    Returns
    -------
    str or None
        Its folder. None: there is no such model, but this is development or test, where the
        constant model stands in.

    Raises
    ------
    ModelNotFoundError
        There is no such model.
    """
    try:
        return Registry(settings.registry).resolve(settings.model)
    except ModelNotFoundError:
        if settings.has_constant_model:
            return None
        raise


def load_serving(
    settings: Settings,
    location: str | None,
    trial: Trial | None = None,
    *,
    registered: RegisteredSchemas | None = None,
    replay_id: str | None = None,
    ages_at: int | None = None,
) -> Serving:
    """Load a model, verify it and make it ready to score.

    Parameters
    ----------
    settings
        The rules of scoring.
    location
        The bundle's folder; None for the constant model.
    trial
        Tries the model before it is opened.
    registered
        What is known of the schema registry; None: there is none.
    replay_id
        The replay that it scores for; None for a worker.
    ages_at
        Time at which dates have their age, milliseconds since 1970; None: at the creation of each
        lead.

    Raises
    ------
    BundleError
        The model must not be used, or can't be read now.
    StartupError
        It reads fields that the contract does not promise.
    """
    if location is None:
        log.warning(
            "the registry has no model %s: every lead gets a constant score, as LEADSCORE_ENV is"
            " %s; train a model with `leadscore train`",
            *(settings.model, settings.environment),
        )
        return _constant(settings, registered)
    bundle = load_bundle(location, trial)
    verify_contract(bundle, settings)
    predictor = open_predictor(
        bundle,
        threads=settings.model_threads,
        reasons=settings.reasons,
        choice=settings.engine,
    )
    if (why := why_not_compiled(predictor)) is not None and settings.engine == "auto":
        log.warning(
            "the model %s/%s scores with ONNX Runtime, a third as fast as compiled trees: %s",
            *(bundle.name, bundle.version, why),
        )
    return Serving(
        scorer=scorer_of(
            bundle,
            predictor,
            settings,
            topic=settings.leads_created,
            registered=registered,
            replay_id=replay_id,
            ages_at=ages_at,
        ),
        identity=bundle.identity,
        engine=predictor.engine,
        calibration=bundle.metadata.calibration.method,
        info=_info(bundle, predictor.engine),
        published=bundle.published,
    )


def load_pinned(
    settings: Settings,
    trial: Trial,
    model: ModelIdentity,
    *,
    registered: RegisteredSchemas | None = None,
    replay_id: str | None = None,
    ages_at: int | None = None,
) -> Serving:
    """Load the very model that a commit, or the plan of a replay, names.

    Parameters
    ----------
    settings
        The registry, and the rules of scoring.
    model
        The model.
    trial, registered, replay_id, ages_at
        See ``load_serving``.

    Raises
    ------
    BundleError
        The registry does not have it any more, or it must not be used.
    StartupError
        It reads fields that the contract does not promise.
    """
    if model.id == CONSTANT and settings.has_constant_model:
        return _constant(settings, registered)
    registry, name = Registry(settings.registry), f"{model.id}/{model.version}"
    if model.version not in registry.versions(model.id):
        raise ModelNotFoundError(f"the registry {registry.root} has no model {name}: restore it")
    location = registry.resolve(name)
    serving = load_serving(
        *(settings, location, trial),
        registered=registered,
        replay_id=replay_id,
        ages_at=ages_at,
    )
    if serving.identity.sha256 != model.sha256:
        raise BundleError(
            f"model {name} was expected to have the SHA-256 {model.sha256}, it has "
            f"{serving.identity.sha256}: restore the version that was published first"
        )
    return serving


def load_pin(
    settings: Settings,
    trial: Trial,
    share: Callable[[Serving, Serving, CanarySplit], Serving],
    pin: ModelPin,
    *,
    registered: RegisteredSchemas | None = None,
) -> Serving:
    """Load the very models that a commit names.

    Parameters
    ----------
    settings, trial, registered
        As for ``load_pinned``, which says what is raised, too.
    share
        Joins a model with its canary.
    pin
        The models.
    """
    serving = load_pinned(settings, trial, pin.model, registered=registered)
    if pin.canary is None:
        return serving
    canary = load_pinned(settings, trial, pin.canary.model, registered=registered)
    return share(serving, canary, pin.canary)


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
    decoder = LeadDecoder(
        store,
        {field.name: field.kind for field in fields},
        max_bytes=settings.max_event_bytes,
        keeps_bytes=True,
        formats=formats,
    )
    decoder.prepare()
    return LeadSegments(fields, decoder)


def _reading_of(metadata: BundleMetadata) -> object:
    """Return what decides how a model's decoder reads a lead, besides the settings."""
    spec = metadata.spec
    return spec.kinds, spec.readings, spec.sources, metadata.contract


def _constant(settings: Settings, registered: RegisteredSchemas | None) -> Serving:
    """Serve the same score for every lead, under a name that says so."""
    spec = FeatureSpec(fields=(NumberField(name="created_at"),))
    labels = ("any", "other", "missing")
    field = FieldReference(name="created_at", by="quantile", labels=labels, counts=(0, 0, 0))
    reference = Reference(
        fields=(field,), score=Bins(by="quantile", labels=labels, counts=(0, 0, 0))
    )
    sha256 = hashlib.sha256(CONSTANT.encode()).hexdigest()
    identity = ModelIdentity(CONSTANT, "0", sha256)
    thresholds, calibration = Thresholds(), Calibration()
    predictor = ConstantPredictor(len(spec.fields))
    reasons = ReasonLabels(spec, reference, by_aspect=False)
    model = _scored_model(
        identity, predictor, calibration, thresholds, reasons, settings.leads_created
    )
    store = SchemaStore.load(*settings.schema_folders)
    scorer = _scorer(
        model, spec, reference, predictor, reasons, store, settings, registered=registered
    )
    info = {"name": CONSTANT, "version": "0", "sha256": sha256, "engine": predictor.engine}
    return Serving(scorer, identity, predictor.engine, calibration.method, info)


def _info(bundle: Bundle, engine: str) -> Mapping[str, Any]:
    metadata = bundle.metadata
    return {
        "name": bundle.name,
        "version": bundle.version,
        "sha256": bundle.sha256,
        "engine": engine,
        "location": mask_url(bundle.location),
        "calibration": metadata.calibration.model_dump(mode="json"),
        "thresholds": metadata.thresholds.model_dump(mode="json"),
        "fields": {name: str(kind) for name, kind in metadata.spec.kinds.items()},
        "training": metadata.training.model_dump(mode="json"),
        "metrics": metadata.metrics,
    }
