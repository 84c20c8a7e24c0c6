"""Small models. What makes them is imported where it is used: it takes seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from model.bundle import Artefacts
    from tests.unit.small_booster import Trained
    from tests.unit.small_model import SmallModel
    from tests.unit.two_models import TwoModels


@pytest.fixture(autouse=True)
def aiokafka_logs_as_before() -> Iterator[None]:
    """Undo what commands do to aiokafka's logger: each has a process of its own, tests have not."""
    logger = logging.getLogger("aiokafka")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture(scope="session")
def passed_trials() -> set[bytes]:
    """Digests of models that have passed a trial in this run."""
    return set()


@pytest.fixture
def tried_once(monkeypatch: pytest.MonkeyPatch, passed_trials: set[bytes]) -> None:
    """Pass a model without a process if it has passed a trial in this run.

    A command tries its model each time it is called: that is most of its time. For tests whose
    subject comes after the trial.
    """
    from stream.process.model_trial import Trials

    make = Trials.__init__

    def remembering(trials: Trials, *arguments: Any, **options: Any) -> None:
        make(trials, *arguments, **options)
        trials._passed = passed_trials

    monkeypatch.setattr(Trials, "__init__", remembering)


@pytest.fixture
def quick_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train few small trees by `leadscore train`: for tests whose subject is no model."""
    from model.training.boosting import BoostingParameters
    from model.training.options import TrainOptions
    from model.training.xgboost_trainer import XgboostTrainer

    make = TrainOptions.__init__
    quick = XgboostTrainer(BoostingParameters(trees=12, max_depth=3, eta=0.3))

    def quickly(options: TrainOptions, *arguments: Any, **given: Any) -> None:
        make(options, *arguments, **{"trainer": quick} | given)

    monkeypatch.setattr(TrainOptions, "__init__", quickly)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A model that serves, made in less than a second."""
    from tests.unit.small_model import small_model

    return small_model(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def two(model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> TwoModels:
    """That model, and a second version of it with other scores and bands."""
    from tests.unit.two_models import two_models

    return two_models(model, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="session")
def trained() -> Trained:
    """A booster with its metadata, trained in less than a second."""
    from tests.unit.small_booster import train

    return train()


@pytest.fixture(scope="session")
def artefacts(trained: Trained) -> Artefacts:
    """The files of that booster's bundle."""
    return trained.artefacts


@pytest.fixture(scope="session")
def trainer() -> Callable[..., Trained]:
    """``train`` itself, for models of another kind."""
    from tests.unit.small_booster import train

    return train
