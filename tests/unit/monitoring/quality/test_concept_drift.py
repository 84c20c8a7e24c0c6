import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitoring.quality.concept_drift import LONGEST, ConceptDetectors, ErrorChange

Leads = tuple[NDArray[np.float32], NDArray[np.bool_]]


def drawn(count: int, seed: int, *, shift: float = 0.0, is_reversed: bool = False) -> Leads:
    """Draw scores, and outcomes of their probability or of a changed one."""
    random = np.random.default_rng(seed)
    scores = random.beta(0.8, 5, count)
    chances = scores[::-1] if is_reversed else np.clip(scores + shift, 0, 1)
    return scores.astype(np.float32), random.random(count) < chances


def streams(changes: list[ErrorChange]) -> set[str]:
    return {change.stream for change in changes}


def test_right_scores_raise_no_alarm() -> None:
    assert not any(ConceptDetectors().update(*drawn(3000, seed)) for seed in range(8))


def test_more_conversions_than_promised_are_found() -> None:
    detectors = ConceptDetectors()
    assert detectors.update(*drawn(3000, 1)) == []
    changes = detectors.update(*drawn(3000, 2, shift=0.1))
    assert {"bias", "calibration"} <= streams(changes)
    bias = next(change for change in changes if change.stream == "bias")
    assert bias.row < 1000
    assert bias.before == pytest.approx(0, abs=0.03)
    assert bias.is_worse
    assert [change.row for change in changes] == sorted(change.row for change in changes)


def test_scores_that_no_longer_rank_are_found_though_as_many_convert() -> None:
    detectors = ConceptDetectors()
    detectors.update(*drawn(3000, 1))
    [change] = [
        found
        for found in detectors.update(*drawn(4000, 2, is_reversed=True))
        if found.stream != "label"
    ]
    assert (change.stream, change.detector, change.is_worse) == ("calibration", "adwin", True)


def test_other_leads_alone_change_only_the_error_rate_of_the_label() -> None:
    random = np.random.default_rng(5)
    scores = random.beta(2, 2, 3000)
    detectors = ConceptDetectors()
    detectors.update(*drawn(3000, 1))
    changes = detectors.update(scores.astype(np.float32), random.random(3000) < scores)
    assert streams(changes) == {"label"}


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 2500), max_size=4), stop=st.integers(0, 2500))
def test_calls_and_restarts_do_not_change_what_is_found(cuts: list[int], stop: int) -> None:
    scores, positive = drawn(2500, 3)
    positive = positive | (np.arange(2500) > 1200) & (np.arange(2500) % 5 == 0)
    expected = [(c.stream, c.row) for c in ConceptDetectors().update(scores, positive)]
    assert expected
    detectors, found = ConceptDetectors(), []
    edges = [0, *sorted({*cuts, stop}), 2500]
    for begin, end in itertools.pairwise(edges):
        if begin == stop:
            state = detectors.state()
            detectors = ConceptDetectors()
            detectors.restore(state)
        changes = detectors.update(scores[begin:end], positive[begin:end])
        found += [(change.stream, change.row + begin) for change in changes]
    assert sorted(found, key=lambda part: part[1]) == expected


def test_only_the_latest_leads_are_kept() -> None:
    detectors = ConceptDetectors()
    detectors.update(*drawn(LONGEST + 100, 4))
    assert detectors.leads == LONGEST // 2 + 100
    assert len(detectors.state()) == 2 * detectors.leads
    restored = ConceptDetectors()
    restored.restore(detectors.state())
    more = drawn(2000, 5, shift=0.1)
    assert restored.update(*more) == detectors.update(*more)


@pytest.mark.parametrize("state", [b"\x01", b"\xff\xff", b"\x00\x00" * LONGEST])
def test_bytes_that_are_no_state_are_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="expected a state of concept detectors"):
        ConceptDetectors().restore(state)


def test_a_change_to_fewer_errors_is_not_worse() -> None:
    assert not ErrorChange("label", "hddm", 0, before=0.3, after=0.1).is_worse
    assert not ErrorChange("bias", "adwin", 0, before=-0.2, after=0.1).is_worse
    assert ErrorChange("bias", "adwin", 0, before=None, after=-0.1).is_worse
