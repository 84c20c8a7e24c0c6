"""Values in another unit than in training are reported."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.binning import build_reference
from features.field_spec import NumberField
from features.outer_bins import unit_remark
from features.reference import FieldReference
from features.spec import FeatureSpec

PERCENT = np.random.default_rng(3).uniform(0.5, 60, 2000)


@pytest.fixture(scope="module")
def bins() -> FieldReference:
    columns: Any = {"rate": PERCENT}
    spec = FeatureSpec(fields=(NumberField(name="rate"),))
    return build_reference(spec, columns, 2000, np.full(2000, 0.5, np.float32)).fields[0]


@pytest.mark.parametrize(("factor", "side"), [(0.01, "below"), (1000, "at least")])
def test_another_unit_is_reported(bins: FieldReference, factor: float, side: str) -> None:
    """Events had 0.12 where the training file had "12 %": they were scored as the smallest."""
    remark = unit_remark(bins, PERCENT[:100] * factor) or ""
    assert f"of its values are {side}" in remark
    assert "in another unit" in remark


def test_usual_values_few_values_and_missing_ones_are_no_other_unit(bins: FieldReference) -> None:
    assert unit_remark(bins, PERCENT[:100]) is None
    assert unit_remark(bins, PERCENT[:100] * 1.5) is None
    assert unit_remark(bins, PERCENT[:10] * 0.01) is None
    assert unit_remark(bins, np.full(50, np.nan)) is None
