"""Counts and names survive a restart; names have a limit."""

from __future__ import annotations

from collections import Counter

import pytest

from agents.outcomes import stored_cohorts
from agents.outcomes.cohorts import CohortKey, CohortRow
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from schemas.errors import FatalError
from tests.unit.agents.outcomes.joins import MODEL, START


def test_counts_and_names_are_read_as_they_were_written() -> None:
    store = MemoryStore()
    stored = StoredCohorts(store)
    band, model = stored.number_of("High"), stored.number_of(MODEL)
    key = CohortKey(1, MODEL, START)
    store.write(stored.apply({key: Counter({CohortRow(0.5, None, "High"): 3})}), [])
    assert stored.take_changed() == {key}
    again = StoredCohorts(store)
    assert again.cohorts.counts == stored.cohorts.counts
    assert (again.band(band), again.model(model)) == ("High", MODEL)
    assert (again.number_of("High"), again.number_of(MODEL)) == (band, model)
    assert again.take_changed() == {key}
    assert again.take_changed() == set()


def test_too_many_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_cohorts, "MOST_NAMES", 2)
    stored = StoredCohorts(MemoryStore())
    assert [stored.number_of(name) for name in ("High", "Low", "High")] == [0, 1, 0]
    with pytest.raises(FatalError, match="at most 2 models and bands"):
        stored.number_of("Medium")
