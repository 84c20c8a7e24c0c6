"""Leads with a known outcome, drawn from counts."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.known_scores import known_leads
from monitoring.quality.counts import QualityCounts
from tests.unit.monitoring.quality.drawn_leads import drawn

LEADS = drawn(5000, unknown=0.2)
COUNTS = QualityCounts.count(LEADS)


def test_leads_are_those_with_a_known_outcome() -> None:
    scores, converted = known_leads(COUNTS)
    known = LEADS.outcomes >= 0
    assert (len(scores), int(converted.sum())) == (COUNTS.known, COUNTS.positives)
    assert np.sort(scores) == pytest.approx(np.sort(LEADS.scores[known]), abs=1e-3)
    assert scores[converted].mean() == pytest.approx(
        LEADS.scores[LEADS.outcomes == 1].mean(), abs=1e-3
    )


def test_many_leads_are_a_sample_the_same_each_time() -> None:
    scores, converted = known_leads(COUNTS, most=1000)
    assert len(scores) == len(converted) == 1000
    assert converted.mean() == pytest.approx(COUNTS.positives / COUNTS.known, abs=0.04)
    assert (scores == known_leads(COUNTS, most=1000)[0]).all()
