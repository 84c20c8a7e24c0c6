"""Records of the drift topics and of their table, from bytes to what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from agents.drift_reports import Report, assessments_of, counts_of, decode_report
from agents.drift_windows import WindowCounts, WindowKey
from agents.partials import Partial, decode_partial
from monitoring.drift.assessment import Assessor
from monitoring.drift.field_drift import DriftThresholds
from tests.fuzz.target import Feed, Shape, Target
from tests.unit.agents.drift_log import LAYOUT, MODEL, leads, partials_of

__all__ = ["PARTIALS", "REPORTS", "WINDOWS"]


@contextmanager
def _partials() -> Iterator[Feed]:
    def feed(value: bytes) -> None:
        try:
            partial = decode_partial(value)
        except ValueError:
            return
        again = decode_partial(partial.encode())
        assert (again, again.key) == (partial, partial.key)
        _keep(partial)

    yield feed


def _keep(partial: Partial) -> None:
    window = WindowCounts.empty_for(partial)
    assert window.add(partial)
    WindowKey.from_partial(partial)
    assert WindowCounts.decode(window.encode()).total() == window.total()


def _partial_seeds() -> Sequence[bytes]:
    return [partial.encode() for partial in partials_of(leads(60), every=20)]


PARTIALS = Target("partials", _partials, _partial_seeds)


@contextmanager
def _windows() -> Iterator[Feed]:
    def feed(value: bytes) -> None:
        try:
            window = WindowCounts.decode(value)
        except ValueError:
            return
        window.total()

    yield feed


def _window_seeds() -> Sequence[bytes]:
    partials = partials_of(leads(600), every=200)
    window = WindowCounts.empty_for(partials[0])
    for partial in partials:
        window.add(partial)
    return [window.encode()]


WINDOWS = Target("windows", _windows, _window_seeds, Shape.JSON)


@contextmanager
def _reports() -> Iterator[Feed]:
    def feed(value: bytes) -> None:
        try:
            record = decode_report(value)
        except ValueError:
            return
        with suppress(ValueError):
            counts_of(record, LAYOUT.size)
            assessments_of(record)

    yield feed


def _report_seeds() -> Sequence[bytes]:
    log = leads(300)
    counts = LAYOUT.count(log.bins, log.scores, label=0.5)
    assessor = Assessor(
        LAYOUT,
        importance={},
        engagement=(0.15, 0.4),
        thresholds=DriftThresholds(min_leads=100, exact_below=0),
    )
    horizon = assessor.assess(counts, name="1s", start=4000, end=5000)
    return [Report(5500, "leads", MODEL, 4000, 5000, counts, (horizon,)).encode()]


REPORTS = Target("reports", _reports, _report_seeds)
