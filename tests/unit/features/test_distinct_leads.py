"""Leads are counted, not rows."""

from __future__ import annotations

import numpy as np
import pytest

from features.distinct_leads import leads_by_value


def test_rows_of_one_lead_with_the_same_value_count_once() -> None:
    found = leads_by_value(["web", "web", "fair", "web"], np.array([0, 0, 0, 1]))
    assert found == {"web": 2, "fair": 1}
    assert [*found] == ["web", "fair"]


def test_without_leads_each_row_is_one() -> None:
    assert leads_by_value(["web", "web", None], None) == {"web": 2, None: 1}


def test_values_without_a_lead_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        leads_by_value(["web", "fair"], np.array([0]))
