"""Changes of correlations: found where there are any, rare where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from monitoring.drift.correlations import correlation_changes

NAMES = ["age", "visits", "size", "industry"]


def leads(n: int, seed: int, together: float = 0.0) -> dict[str, Any]:
    """Leads whose age and visits have a correlation, and an industry that goes with the size."""
    random = np.random.default_rng(seed)
    age, size = random.normal(size=n), random.normal(size=n)
    visits = np.round(together * age + np.sqrt(1 - together**2) * random.normal(size=n), 1)
    industry = [None if s > 2 else ("retail" if s > 0.3 else "software") for s in size]
    scores = 1 / (1 + np.exp(-size))
    return {"age": age, "visits": visits, "size": size, "industry": industry, "score": scores}


def test_a_pair_that_no_longer_goes_together_is_the_first() -> None:
    now, before = leads(3000, 1), leads(5000, 2, together=0.5)
    first, *others = correlation_changes(NAMES, now, before, "score")
    assert (first.field, first.other) == ("age", "visits")
    assert first.is_changed
    assert first.before == pytest.approx(spearmanr(before["age"], before["visits"])[0])
    assert first.now == pytest.approx(spearmanr(now["age"], now["visits"])[0])
    assert first.leads == 3000
    assert not any(other.is_changed for other in others)
    assert len(others) == 5


def test_levels_are_in_the_order_of_their_scores() -> None:
    before = leads(3000, 1)
    found = correlation_changes(["size", "industry"], before, before, "score")
    assert found[0].before > 0.7
    assert found[0].p_adjusted == 1
    assert found[0].leads == sum(level is not None for level in before["industry"])


def test_leads_without_one_of_the_fields_do_not_count() -> None:
    now, before = leads(3000, 1), leads(3000, 2)
    now["visits"][:1000] = np.nan
    [found] = correlation_changes(["age", "visits"], now, before, "score")
    assert found.leads == 2000


@pytest.mark.parametrize("together", [0.0, 0.6])
def test_two_samples_of_the_same_leads_rarely_differ(together: float) -> None:
    p_values = [
        change.p_adjusted
        for seed in range(300)
        for change in correlation_changes(
            ["age", "visits"],
            leads(200, 2 * seed, together),
            leads(300, 2 * seed + 1, together),
            "score",
        )
    ]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_a_small_change_is_none_however_many_leads_there_are() -> None:
    found = correlation_changes(NAMES, leads(200_000, 1, 0.05), leads(200_000, 2), "score")
    [pair] = [one for one in found if {one.field, one.other} == {"age", "visits"}]
    assert pair.p_adjusted < 1e-6
    assert not pair.is_changed


def test_few_leads_a_single_value_and_no_fields_have_no_correlation() -> None:
    few, many = leads(40, 1), leads(500, 2)
    assert correlation_changes(NAMES, few, many, "score") == []
    same = many | {"age": np.ones(500)}
    found = correlation_changes(NAMES, same, many, "score")
    assert not any("age" in (one.field, one.other) for one in found)
    assert correlation_changes([], many, many, "score") == []
    assert correlation_changes(["age"], many, many, "score") == []


def test_a_field_that_is_gone_has_no_correlation() -> None:
    before = leads(500, 2)
    now = leads(500, 3) | {"industry": [None] * 500}
    found = correlation_changes(NAMES, now, before, "score")
    assert len(found) == 3
