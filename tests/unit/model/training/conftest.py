"""The model that the tests of a training share."""

from __future__ import annotations

import pytest

from model.training.train import TrainedModel, train
from tests.unit.model.training.small_leads import OPTIONS, TABLE


@pytest.fixture(scope="session")
def trained() -> TrainedModel:
    """Return a model of the small leads."""
    return train(TABLE, OPTIONS)
