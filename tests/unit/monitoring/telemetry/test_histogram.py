import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from monitoring.telemetry.histogram import GATHERED, ArrayHistogram, Tally

BOUNDS = (0.05, 0.4, 0.7, 1.0)


def make(bounds: Any = BOUNDS) -> tuple[Tally, CollectorRegistry]:
    registry = CollectorRegistry()
    return ArrayHistogram("score", "Scores.", bounds, registry).of(), registry


@given(
    st.lists(
        arrays(np.float64, st.integers(0, 20), elements=st.sampled_from([0, 0.05, 0.3, 0.7, 1, 9])),
        max_size=5,
    )
)
def test_counts_as_the_clients_own_histogram_does(batches: Any) -> None:
    ours, registry = make()
    theirs = CollectorRegistry()
    one_by_one = Histogram("score", "Scores.", buckets=BOUNDS, registry=theirs)
    for batch in batches:
        ours.observe_many(batch)
        for value in batch:
            one_by_one.observe(value)
            one_by_one.observe(value)
            ours.observe(value)
    for name, labels in [
        ("score_count", {}),
        *(("score_bucket", {"le": str(bound)}) for bound in BOUNDS),
        ("score_bucket", {"le": "+Inf"}),
    ]:
        assert registry.get_sample_value(name, labels) == theirs.get_sample_value(name, labels)
    assert registry.get_sample_value("score_sum") == pytest.approx(
        theirs.get_sample_value("score_sum")
    )


def test_is_exposed_as_the_client_exposes_its_own() -> None:
    ours, registry = make()
    theirs = CollectorRegistry()
    one_by_one = Histogram("score", "Scores.", buckets=BOUNDS, registry=theirs)
    ours.observe_many(np.array([0.5, 0.25]))
    one_by_one.observe(0.5)
    one_by_one.observe(0.25)

    def without_created(text: bytes) -> list[bytes]:
        return [line for line in text.splitlines() if b"_created" not in line]

    assert without_created(generate_latest(registry)) == without_created(generate_latest(theirs))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_upper_bound_belongs_to_its_bucket_in_both_precisions(dtype: Any) -> None:
    histogram, _ = make()
    histogram.observe_many(np.array(BOUNDS, dtype=dtype))
    assert histogram.read()[0] == [1, 1, 1, 1, 0]


def test_values_that_are_not_finite_are_left_out() -> None:
    histogram, _ = make()
    histogram.observe_many(np.array([np.nan, 0.5, np.inf, -np.inf]))
    histogram.observe(float("nan"))
    assert histogram.read() == ([0, 0, 1, 0, 0], 0.5)


def test_buckets_are_cumulated_for_prometheus() -> None:
    histogram, registry = make()
    histogram.observe_many(np.array([0.01, 0.5, 0.6, 2.0]))
    cumulated = [
        registry.get_sample_value("score_bucket", {"le": label})
        for label in ("0.05", "0.4", "0.7", "1.0", "+Inf")
    ]
    assert cumulated == list(accumulate(histogram.read()[0])) == [1, 1, 3, 3, 4]


@pytest.mark.parametrize("bounds", [(), (1, 1), (2, 1), (1, float("inf")), (float("nan"),)])
def test_unusable_bounds_are_refused(bounds: Any) -> None:
    with pytest.raises(ValueError, match="ascending finite bounds"):
        make(bounds)


def test_the_same_name_twice_is_refused() -> None:
    _, registry = make()
    with pytest.raises(ValueError, match="Duplicated"):
        ArrayHistogram("score", "Scores.", BOUNDS, registry)


def test_each_value_of_a_label_is_counted_for_itself() -> None:
    registry, theirs = CollectorRegistry(), CollectorRegistry()
    ours = ArrayHistogram("took", "Seconds.", BOUNDS, registry, "stage", ("read", "write"))
    clients = Histogram("took", "Seconds.", ("stage",), buckets=BOUNDS, registry=theirs)
    for stage, seconds in [("read", 0.1), ("write", 0.5), ("read", 9.0)]:
        ours.of(stage).observe(seconds)
        clients.labels(stage).observe(seconds)
    lines = generate_latest(theirs).splitlines()
    assert generate_latest(registry).splitlines() == [x for x in lines if b"_created" not in x]


def test_observations_are_counted_before_the_buffer_grows() -> None:
    histogram, _ = make()
    for _ in range(3 * GATHERED):
        histogram.observe(0.5)
        histogram.observe_many(np.array([0.5]))
        assert max(len(histogram._values), len(histogram._arrays)) < GATHERED
    assert histogram.read()[0][2] == 6 * GATHERED


def test_nothing_is_lost_between_threads() -> None:
    histogram, _ = make()

    def observe() -> None:
        for _ in range(5_000):
            histogram.observe(0.5)

    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # else a thread is hardly ever interrupted where it matters
    try:
        with ThreadPoolExecutor(4) as threads:
            running = [threads.submit(observe) for _ in range(3)]
            while not all(one.done() for one in running):
                histogram.read()
    finally:
        sys.setswitchinterval(switches)
    assert histogram.read() == ([0, 0, 15_000, 0, 0], 7_500.0)
