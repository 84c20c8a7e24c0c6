"""The base score of every XGBoost is read."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.xgboost_trainer import _base_margin


@pytest.mark.parametrize("written", ["2.5E-1", "[2.5E-1]"])
def test_base_scores_of_all_xgboosts_are_read(written: str) -> None:
    assert _base_margin(written) == pytest.approx(np.log(0.25 / 0.75), abs=1e-7)


def test_base_scores_of_several_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="one target, this one has 2"):
        _base_margin("[2.5E-1,5E-1]")
