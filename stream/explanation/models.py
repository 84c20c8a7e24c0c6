"""The models that scored, found in the registry by their hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model.bundle import Artefacts, Bundle, load_bundle
from model.registry import ModelNotFoundError, Registry
from model.serving.prediction import Predictor
from model.serving.predictor import open_predictor
from stream.explanation.recomputation import OpenModel
from stream.process.model_trial import Trials
from stream.schema_registry.opened import asked_schemas, with_own_framing
from stream.scoring.bundle_scorer import scorer_of
from stream.settings import Settings

__all__ = ["Models"]


class Models:
    """Opens the models of scored events, each once.

    Parameters
    ----------
    settings
        The registry, and the rules of scoring.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = Registry(settings.registry)
        self._open: dict[tuple[str, str, str, int | None], OpenModel] = {}

    def of(self, event: Mapping[str, Any], ages_at: int | None = None) -> OpenModel:
        """Return the model that an event names, open in the engine that it names.

        Parameters
        ----------
        event
            The scored event.
        ages_at
            Time at which dates have their age, of a rescore; None: at the creation of the lead.

        Raises
        ------
        ModelNotFoundError
            The registry has no model with this hash.
        BundleError
            It must not be used.
        """
        topic = event["source"]["topic"]
        key = (event["model_sha256"], event["engine"], topic, ages_at)
        if key not in self._open:
            bundle = load_bundle(self._location(event), Trials())
            predictor = _engine(bundle, event["engine"])
            scorer = scorer_of(
                bundle,
                predictor,
                with_own_framing(self._settings),
                topic=topic,
                registered=asked_schemas(self._settings),
                ages_at=ages_at,
            )
            self._open[key] = OpenModel(bundle, predictor, scorer, ages_at)
        return self._open[key]

    def _location(self, event: Mapping[str, Any]) -> str:
        sha256 = event["model_sha256"]
        named = (event["model_id"], event["model_version"])
        found = self._registry.find(sha256)
        if not found:
            raise ModelNotFoundError(
                f"The registry {self._registry.root} should have the model"
                f" {'/'.join(named)} with the SHA-256 {sha256}, which scored this lead, but it does"
                " not: restore that version from a backup, or name the registry that has it with"
                " --registry."
            )
        name, version = named if named in found else found[0]
        return self._registry.resolve(f"{name}/{version}")


def _engine(bundle: Bundle, engine: str) -> Predictor:
    """Open a model in the engine that scored: engines agree to 1e-6 only, not to the bit."""
    if engine == "xgboost" and "model.ubj" in bundle.files:
        return open_predictor(Artefacts(ubj=bundle.files["model.ubj"]))
    return open_predictor(bundle)
