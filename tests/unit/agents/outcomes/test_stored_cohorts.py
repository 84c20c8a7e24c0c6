"""Counts and names survive a restart; names have a limit."""

from __future__ import annotations

from collections import Counter

import pytest

from agents.lead_segments import MISSING
from agents.outcomes import stored_cohorts
from agents.outcomes.cohorts import CohortKey, CohortRow
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from monitoring.quality.fairness import OTHER
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


def test_counts_of_segments_are_read_as_they_were_written() -> None:
    store = MemoryStore()
    stored = StoredCohorts(store)
    segment = ("country", "Côte d'Ivoire")
    [number] = stored.segment_numbers(0, [segment])
    key = CohortKey(0, MODEL, START, segment)
    store.write(stored.apply({key: Counter({CohortRow(0.5, None, "High"): 3})}), [])
    again = StoredCohorts(store)
    assert again.cohorts.counts == stored.cohorts.counts
    assert again.segment(number) == segment


def test_segments_beyond_the_limit_are_counted_together_in_each_channel_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_cohorts, "MOST_SEGMENTS", 2)
    store = MemoryStore()
    stored = StoredCohorts(store)

    def segments(channel: int, *values: str) -> list[str]:
        pairs = [("country", value) for value in values]
        found = [stored.segment(n)[1] for n in stored.segment_numbers(channel, pairs)]
        store.write(stored.apply({}), [])
        return found

    assert segments(0, "NL", MISSING, "DE") == ["NL", MISSING, "DE"]
    assert segments(1, "FR") == ["FR"]
    stored = StoredCohorts(store)
    assert segments(0, "FR", "NL", MISSING, "BE") == [OTHER, "NL", MISSING, OTHER]
    assert segments(1, "NL", "DE") == ["NL", OTHER]


def test_fields_beyond_the_limit_are_not_counted() -> None:
    stored = StoredCohorts(MemoryStore())
    fields = [(f"f{n}", "x") for n in range(60)]
    assert len(stored.segment_numbers(0, fields)) == 40
    assert len(stored.segment_numbers(0, fields)) == 40


def test_weeks_that_are_not_reported_any_more_are_dropped_for_good() -> None:
    store = MemoryStore()
    stored = StoredCohorts(store)
    stored.number_of(MODEL)
    row = Counter({CohortRow(0.5, None, "High"): 1})
    old, kept = CohortKey(0, MODEL, START - 1), CohortKey(0, MODEL, START)
    store.write(stored.apply({old: row, kept: row}), [])
    store.write({}, stored.forget_before(START))
    assert stored.take_changed() == {kept}
    assert stored.forget_before(START) == []
    stored.apply({old: Counter({CohortRow(0.5, None, "High"): -1})})  # of a lead that is dropped
    assert set(stored.cohorts.counts) == set(StoredCohorts(store).cohorts.counts) == {kept}
