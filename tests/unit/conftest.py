"""Small models. What makes them is imported where it is used: it takes seconds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

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
