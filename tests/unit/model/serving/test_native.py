"""The native engine refuses a booster without metadata."""

from __future__ import annotations

import pytest

from model.metadata import BundleError
from model.serving.native import NativePredictor
from tests.unit.small_booster import Trained


def test_a_booster_without_metadata_is_refused(trained: Trained) -> None:
    with pytest.raises(BundleError, match="no attribute 'leadscore'"):
        NativePredictor(bytes(trained.booster.save_raw("ubj")))
