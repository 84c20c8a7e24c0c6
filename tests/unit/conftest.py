from __future__ import annotations

import pytest

from tests.unit.small_model import SmallModel, small_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """A model that serves, made in less than a second."""
    return small_model(tmp_path_factory.mktemp("small"))
