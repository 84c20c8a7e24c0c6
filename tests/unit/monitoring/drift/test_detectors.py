from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.counts import CountLayout
from features.reference import Bins, FieldReference, Reference
from monitoring.drift.detectors import Change, RollingDetectors

BINS = 20
MISSING = BINS + 1


def quantile_bins(size: int = BINS) -> dict[str, object]:
    return {
        "by": "quantile",
        "edges": tuple(float(i) for i in range(1, size)),
        "labels": tuple(str(code) for code in range(size + 2)),
        "counts": (*[500] * size, 0, 0),
    }


def reference() -> Reference:
    levels = ("health", "retail")
    return Reference(
        fields=(
            FieldReference(name="visits", **quantile_bins()),
            FieldReference(
                name="industry",
                by="level",
                levels=levels,
                labels=(*levels, "other", "missing"),
                counts=(5000, 5000, 0, 0),
            ),
            FieldReference(name="constant", **quantile_bins(1)),
            FieldReference(name="size", **quantile_bins()),
        ),
        score=Bins(
            by="quantile",
            edges=tuple(np.linspace(0, 1, BINS + 1)[1:-1]),
            labels=tuple(str(code) for code in range(BINS + 2)),
            counts=(*[500] * BINS, 0, 0),
        ),
    )


LAYOUT = CountLayout(reference())
Leads = tuple[NDArray[np.float32], NDArray[np.int16]]


def leads(n: int, seed: int = 1, *, rise: float = 0.0, missing: float = 0.0) -> Leads:
    """Leads as the reference has them, but for what the score and the visits rise by."""
    random = np.random.default_rng(seed)
    scores = np.clip(random.random(n) + rise, 0, 1).astype(np.float32)
    visits = np.clip(random.integers(0, BINS, n) + round(rise * BINS), 0, BINS - 1)
    visits[random.random(n) < missing] = MISSING
    other = random.integers(0, 2, n), np.zeros(n), random.integers(0, BINS, n)
    return scores, np.column_stack((visits, *other)).astype(np.int16)


def joined(*parts: Leads) -> Leads:
    scores, codes = zip(*parts, strict=True)
    return np.concatenate(scores), np.concatenate(codes)


def changes_of(detectors: RollingDetectors, sample: Leads, at_once: int = 256) -> list[Change]:
    scores, codes = sample
    return [
        change
        for start in range(0, len(scores), at_once)
        for change in detectors.update(
            scores[start : start + at_once], codes[start : start + at_once]
        )
    ]


def test_watches_the_score_and_every_number_that_varies() -> None:
    assert RollingDetectors(LAYOUT).streams == ("score", "visits", "size")


def test_stationary_leads_raise_no_change() -> None:
    assert changes_of(RollingDetectors(LAYOUT), leads(12_500)) == []


def test_a_change_has_its_stream_and_the_means_before_and_after() -> None:
    before, after = leads(5000), leads(500, seed=2, rise=0.2)
    found = changes_of(RollingDetectors(LAYOUT), joined(before, after))
    assert [(c.stream, c.is_score, c.detector) for c in found] == [
        ("score", True, "adwin"),
        ("visits", False, "adwin"),
    ]
    for change in found:
        assert change.before == pytest.approx(0.5, abs=0.02)
        assert change.after == pytest.approx(0.68, abs=0.1)


def test_before_is_the_mean_of_what_was_seen_and_after_that_of_the_latest() -> None:
    scores, codes = joined(leads(320), leads(320, seed=2, rise=0.5))
    detectors = RollingDetectors(LAYOUT)
    for end in range(1, len(scores) + 1):
        found = detectors.update(scores[end - 1 : end], codes[end - 1 : end])
        if any(change.is_score for change in found):
            break
    (change,) = (change for change in found if change.is_score)
    assert 320 < end < 640
    assert change.before == pytest.approx(scores[: end - 32].mean())
    assert change.after == pytest.approx(scores[end - 32 : end].mean())


def test_a_number_is_ranked_in_the_middle_of_its_bin() -> None:
    """Half of the training values of its bin are taken to be below it: the mean rank is 0.5."""
    scores, codes = joined(leads(320), leads(320, seed=2, rise=0.5))
    detectors = RollingDetectors(LAYOUT)
    for end in range(1, len(scores) + 1):
        found = detectors.update(scores[end - 1 : end], codes[end - 1 : end])
        if any(change.stream == "visits" for change in found):
            break
    (change,) = (change for change in found if change.stream == "visits")
    ranks = (codes[:end, 0] + 0.5) / BINS
    assert change.before == pytest.approx(ranks[:-32].mean())
    assert change.after == pytest.approx(ranks[-32:].mean())


def test_a_change_among_the_first_values_has_nothing_before() -> None:
    scores = np.repeat(np.array([0, 1], np.float32), 16)
    _, codes = leads(32)
    (change,) = RollingDetectors(LAYOUT, delta=0.9).update(scores, codes)
    assert (change.before, change.after) == (None, 0.5)


def test_a_missing_value_is_no_rank() -> None:
    """Values that go missing are the windowed statistics' business: the rest is as it was."""
    mostly_missing = leads(4000, seed=2, missing=0.9)
    found = changes_of(RollingDetectors(LAYOUT), joined(leads(4000), mostly_missing))
    assert found == []


def test_the_same_samples_in_the_same_order_give_the_same_state() -> None:
    """The state is found again by replaying, in calls of whatever size."""
    past, future = joined(leads(3000), leads(900, 2, rise=0.1)), leads(900, 3, rise=0.3)
    once, again = (RollingDetectors(LAYOUT, page_hinkley=True) for _ in range(2))
    # The values' own order is that of their streams; calls of one lead mix the streams.
    found, replayed = changes_of(once, past, 3900), changes_of(again, past, 7)
    assert sorted(found, key=repr) == sorted(replayed, key=repr) != []
    assert once.rolling() == again.rolling()
    assert changes_of(once, future, 50) == changes_of(again, future, 50) != []
    assert once.rolling() == again.rolling()


def test_the_state_depends_on_the_order_of_the_leads() -> None:
    scores, codes = joined(leads(2000), leads(400, 2, rise=0.3))
    assert changes_of(RollingDetectors(LAYOUT), (scores, codes))
    order = np.random.default_rng(5).permutation(len(scores))
    assert not changes_of(RollingDetectors(LAYOUT), (scores[order], codes[order]))


def test_page_and_hinkley_is_an_option() -> None:
    # It waits until the rises sum up to 50, so a rise of 0.4 takes it some 150 samples.
    sample = joined(leads(2000), leads(400, 2, rise=0.4))
    found = changes_of(RollingDetectors(LAYOUT, page_hinkley=True), sample)
    assert {(change.detector, change.stream) for change in found} == {
        (detector, stream)
        for detector in ("adwin", "page_hinkley")
        for stream in ("score", "visits")
    }
    change = next(c for c in found if c.detector == "page_hinkley" and c.is_score)
    assert change.before < change.after == pytest.approx(0.82, abs=0.1)


def test_rolling_statistics_are_of_the_latest_scores() -> None:
    detectors = RollingDetectors(LAYOUT)
    scores, codes = joined(leads(3000), leads(1000, 2, rise=0.3))
    changes_of(detectors, (scores, codes))
    latest = scores[-1000:].astype(np.float64)
    rolling = detectors.rolling()
    assert rolling is not None
    assert rolling.mean == pytest.approx(latest.mean())
    assert rolling.variance == pytest.approx(latest.var(ddof=1))
    assert list(rolling.quantiles) == [0.1, 0.5, 0.9]
    for level, value in rolling.quantiles.items():
        assert value == pytest.approx(np.quantile(latest, level), abs=0.002)


def test_equal_scores_have_no_variance() -> None:
    detectors = RollingDetectors(LAYOUT)
    _, codes = leads(1500)
    detectors.update(np.linspace(0, 1, 1500, dtype=np.float32), codes)
    detectors.update(np.full(1500, 0.3, dtype=np.float32), codes)
    rolling = detectors.rolling()
    assert rolling is not None
    assert 0 <= rolling.variance < 1e-9


def test_one_score_has_no_variance_yet() -> None:
    detectors = RollingDetectors(LAYOUT)
    detectors.update(*leads(1))
    assert detectors.rolling() is None


def test_an_empty_sample_is_no_sample() -> None:
    assert RollingDetectors(LAYOUT).update(*leads(0)) == []


def test_codes_of_another_model_are_refused() -> None:
    scores, codes = leads(10)
    with pytest.raises(ValueError, match=r"10 leads and 4 fields.*\(10, 3\)"):
        RollingDetectors(LAYOUT).update(scores, codes[:, :3])
