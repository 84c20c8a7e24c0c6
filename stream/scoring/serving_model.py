"""The model that serves: taken from the registry, verified, and made into a scorer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.batch_scorer import BatchScorer
from agents.canary_split import CanarySplit
from model.bundle import Bundle, Trial, load_bundle
from model.metadata import BundleError, Calibration
from model.registry import ModelNotFoundError, Registry
from model.serving.constant import ConstantPredictor
from model.serving.predictor import open_predictor, why_not_compiled
from schemas.model_identity import ModelIdentity
from schemas.registered import RegisteredSchemas
from schemas.urls import mask_url
from stream.kafka.commit_metadata import ModelPin, scoring_key
from stream.scoring.bundle_scorer import CONSTANT_MODEL, constant_scorer, scorer_of
from stream.scoring.contract_check import verify_contract
from stream.settings import Settings

__all__ = ["Serving", "load_pin", "load_pinned", "load_serving", "locate"]

log = logging.getLogger(__name__)


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
    """Load the model that a commit, or the plan of a replay, names by its hash.

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
    if model.id == CONSTANT_MODEL.id and settings.has_constant_model:
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
    """Load the models that a commit names by their hashes.

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


def _constant(settings: Settings, registered: RegisteredSchemas | None) -> Serving:
    """Serve the same score for every lead, under a name that says so."""
    scorer = constant_scorer(settings, registered)
    identity, engine = CONSTANT_MODEL, ConstantPredictor.engine
    info = {
        "name": identity.id,
        "version": identity.version,
        "sha256": identity.sha256,
        "engine": engine,
    }
    return Serving(scorer, identity, engine, Calibration().method, info)


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
