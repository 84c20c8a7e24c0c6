import numpy as np
import pytest
from numpy.typing import NDArray

from agents.quality.concept_watch import ConceptWatch
from agents.quality.error_change import QualityChange
from tests.unit.agents.quality.quality_reports import MODEL, OTHER


def drawn(
    count: int, seed: int, shift: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    scores = random.beta(0.8, 5, count)
    return scores, random.random(count) < scores + shift


def test_each_model_has_detectors_of_its_own() -> None:
    watch = ConceptWatch()
    watch.take(MODEL, *drawn(2000, 1))
    assert watch.take(OTHER, *drawn(200, 2, 0.3)) == []
    changes = watch.take(MODEL, *drawn(1000, 3, 0.2))
    assert isinstance(changes[0], QualityChange)
    assert any(change.is_concept_drift for change in changes)


def test_a_restored_watch_finds_what_the_first_one_would() -> None:
    watch = ConceptWatch()
    watch.take(MODEL, *drawn(2000, 1))
    restored = ConceptWatch()
    for model, state in watch.take_states().items():
        restored.restore(model, state)
    more = drawn(1000, 3, 0.2)
    changes = watch.take(MODEL, *more)
    assert changes
    assert restored.take(MODEL, *more) == changes


def test_only_states_that_changed_are_stored_again() -> None:
    watch = ConceptWatch()
    watch.take(MODEL, *drawn(10, 1))
    watch.take(OTHER, *drawn(10, 1))
    assert set(watch.take_states()) == {MODEL, OTHER}
    assert watch.take_states() == {}
    watch.take(OTHER, *drawn(10, 2))
    assert {model: len(state) for model, state in watch.take_states().items()} == {OTHER: 40}


def test_a_damaged_state_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a state"):
        ConceptWatch().restore(MODEL, b"\x00")
