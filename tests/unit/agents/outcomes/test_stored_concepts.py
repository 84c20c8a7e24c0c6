"""Changes of the errors of scores: found on final leads, kept in the store."""

from __future__ import annotations

import numpy as np
import pytest

from agents.outcomes.cohorts import CohortKey
from agents.outcomes.partition_join import PartitionJoin
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.outcomes.stored_concepts import FinalLead, FoundChange, StoredConcepts
from agents.quality.concept_watch import ConceptWatch
from tests.unit.agents.outcomes.joins import KINDS, MODEL, OPTIONS, arrived, scored


def rows(count: int, seed: int, *, shift: float = 0.0, channel: int = 0) -> list[FinalLead]:
    """Draw final leads whose scores are right, or too low by a shift."""
    random = np.random.default_rng(seed)
    scores = random.beta(0.8, 5, count)
    won = random.random(count) < scores + shift
    key = CohortKey(channel, MODEL, seed)
    return [
        FinalLead(0, b"L", key, score, is_won)
        for score, is_won in zip(scores.tolist(), won.tolist(), strict=True)
    ]


class Stored:
    """Concepts on a store that outlives them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.names = StoredCohorts(self.store)
        self.store.write(self.names.apply({}), ())
        self.concepts = StoredConcepts(self.store, self.names, ConceptWatch)

    def read(self, given: list[FinalLead]) -> list[FoundChange]:
        puts = dict(self.concepts.apply(given))
        self.store.write(puts | dict(self.names.apply({})), ())
        return self.concepts.take_changes()

    def restart(self) -> None:
        self.names = StoredCohorts(self.store)
        self.concepts = StoredConcepts(self.store, self.names, ConceptWatch)


def test_right_scores_change_nothing() -> None:
    assert Stored().read(rows(3000, 1)) == []


def test_a_change_is_found_with_its_channel_model_and_week() -> None:
    stored = Stored()
    stored.read(rows(2000, 1, channel=1))
    found = stored.read(rows(1000, 7, shift=0.2, channel=1))
    assert {one.change.stream for one in found} >= {"bias", "calibration"}
    assert {one.key for one in found} == {CohortKey(1, MODEL, 7)}
    assert stored.concepts.take_changes() == []


def test_channels_have_detectors_of_their_own() -> None:
    stored = Stored()
    stored.read(rows(2000, 1))
    assert stored.read(rows(150, 2, shift=0.3, channel=1)) == []


def test_a_restart_between_changes_nothing_and_reports_again() -> None:
    whole, parts = Stored(), Stored()
    whole.read(rows(2000, 1))
    parts.read(rows(2000, 1))
    parts.restart()
    found = parts.read(rows(1000, 2, shift=0.2))
    assert found == whole.read(rows(1000, 2, shift=0.2))
    parts.restart()
    assert parts.concepts.take_changes() == found


@pytest.mark.parametrize("is_watched", [True, False])
def test_a_join_reads_leads_when_no_outcome_can_change_them(is_watched: bool) -> None:
    store = MemoryStore()
    join = PartitionJoin(store, OPTIONS, KINDS, ConceptWatch if is_watched else None)
    random = np.random.default_rng(3)
    scores = random.beta(0.8, 5, 1500)
    won = random.random(1500) < np.where(np.arange(1500) < 900, scores, scores + 0.3)
    leads = [scored(f"l{i:04}", i / 1500, i, float(score)) for i, score in enumerate(scores)]
    join.add_outcomes(
        [arrived(f"l{i:04}", "won", 2, i) for i in np.flatnonzero(won).tolist()], 0, 1500
    )
    join.add_scores(0, leads, 0, 1500)
    join.add_scores(0, [scored("later", 12.5, 1500)], 1500, 1501)
    assert join.take_changes() == []  # matured, but outcomes may still arrive
    join.add_scores(0, [scored("last", 20, 1501)], 1501, 1502)
    assert {one.change.stream for one in join.take_changes()} == (
        {"bias", "calibration", "label"} if is_watched else set()
    )
