"""Leads too young to have an outcome."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from model.training.maturity import immature, immature_warning

DAY = 86_400_000.0
TIMES = np.array([0.0, 10, 9, 7, np.nan, 10]) * DAY


def test_the_age_counts_from_the_latest_time_and_the_limit_itself_is_mature() -> None:
    young = immature(TIMES, timedelta(days=3))
    assert young.tolist() == [False, True, True, False, False, True]


def test_without_a_time_no_lead_is_young() -> None:
    assert not immature(np.full(3, np.nan), timedelta(days=1)).any()


def test_the_warning_says_from_when_the_age_counts() -> None:
    warning = immature_warning(1_200, TIMES, timedelta(hours=36))
    assert "1,200 rows were left out" in warning
    assert "younger than 1.5 days at 1970-01-11T00:00 UTC" in warning
