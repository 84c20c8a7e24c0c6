"""The model that the tests of a training share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from model.training.train import TrainedModel


@pytest.fixture(scope="session")
def small_leads_model() -> TrainedModel:
    """Return a model of the small leads; ``trained`` is the booster of all unit tests."""
    from model.training.train import train
    from tests.unit.model.training.small_leads import OPTIONS, TABLE

    return train(TABLE, OPTIONS)
