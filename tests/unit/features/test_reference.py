"""A reference survives JSON, and inconsistent bins are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from features.reference import Bins, Reference
from tests.unit.features.test_binning import reference_of_numbers


def test_a_reference_is_read_from_json_as_it_was_written() -> None:
    reference = reference_of_numbers([1.5, 2.5, np.nan])
    assert Reference.model_validate_json(reference.model_dump_json()) == reference


@pytest.mark.parametrize(
    "broken",
    [
        {"by": "quantile", "edges": (2.0, 1.0), "labels": ("",) * 5, "counts": (0,) * 5},
        {"by": "level", "levels": ("a", "a"), "labels": ("",) * 4, "counts": (0,) * 4},
        {"by": "weekday", "labels": ("",) * 8, "counts": (0,) * 9},
        {"by": "quantile", "labels": ("",) * 3, "counts": (0,) * 2},
    ],
)
def test_inconsistent_bins_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Bins.model_validate(broken)
