"""Leads with drawn scores and outcomes, for tests of quality."""

import numpy as np
from hypothesis import strategies as st

from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes

BANDS = ("High", "Medium", "Low")


def drawn(count: int, *, seed: int = 0, unknown: float = 0.0, power: float = 1.0) -> ScoredOutcomes:
    """Draw leads whose scores are right; with a power other than 1 they are not calibrated."""
    random = np.random.default_rng(seed)
    chances = random.beta(0.8, 5, count)
    outcomes = (random.random(count) < chances).astype(np.int8)
    outcomes[random.random(count) < unknown] = -1
    scores = (chances**power).astype(np.float32)
    return ScoredOutcomes(
        scores,
        outcomes,
        np.take(BANDS, np.digitize(-scores, (-0.3, -0.1))).tolist(),
        np.where(outcomes == 1, random.integers(1, 10**7, count), 0),
        np.take(("EUR", "USD"), random.integers(0, 2, count)).tolist(),
    )


def labels_of(leads: ScoredOutcomes) -> tuple[np.ndarray, np.ndarray]:
    """Return outcome and score of the leads whose outcome is known."""
    known = leads.outcomes != -1
    return leads.outcomes[known] == 1, leads.scores[known].astype(np.float64)


@st.composite
def some_counts(draw: st.DrawFn, most: int = 30) -> QualityCounts:
    """Draw counts of a few leads, of no lead among them."""
    count, seed = draw(st.integers(0, most)), draw(st.integers(0, 10**6))
    return QualityCounts.count(drawn(count, seed=seed, unknown=0.3))
