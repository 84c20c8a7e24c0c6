from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.drift import CountedLeads
from agents.drift_reports import Report, decode_report
from agents.drift_watch import DriftWatch
from agents.drift_windows import Watermark
from agents.partials import Partial, decode_partial
from agents.watched_model import WatchedModel, WatchOptions
from features.counts import LeadCounts
from monitoring.drift.assessment import Assessor
from monitoring.drift.change_confirmation import ChangeConfirmation
from monitoring.drift.detectors import Change, RollingDetectors
from monitoring.drift.field_drift import DriftThresholds
from schemas.model_identity import ModelIdentity
from tests.unit.agents.drift_log import LAYOUT, MODEL, OTHER_MODEL, WINDOW_MS, leads, partials_of

IDLE = 10.0
WALL = 10**15
"""Milliseconds: no lead is from the future."""
PER_WINDOW = 200


class Place:
    """State that outlives a worker: table, partials, reports; and the models."""

    def __init__(self, *models: ModelIdentity) -> None:
        self.models = list(models or (MODEL,))
        self.table: dict[str, bytes] = {}
        self.taken: list[Partial] = []
        self.room = 8192
        self.stretch = 1
        self.reports: list[Mapping[str, Any]] = []

    def worker(self) -> Worker:
        return Worker(self)

    def find_model(self, identity: ModelIdentity) -> WatchedModel | None:
        if identity not in self.models:
            return None
        return WatchedModel(
            identity=identity,
            layout=LAYOUT,
            assessor=Assessor(
                LAYOUT,
                importance={},
                engagement=(0.15, 0.4),
                thresholds=DriftThresholds(min_leads=100, exact_below=0),
            ),
            detectors=RollingDetectors(LAYOUT),
            confirmation=ChangeConfirmation(season_ms=0),
        )

    @property
    def windows(self) -> dict[tuple[str, int], int]:
        """Leads of each reported window, from its last report."""
        return {
            (record["model_version"], record["window_start"]): record["leads"]
            for record in self.reports
            if record["kind"] == "window"
        }

    @property
    def alarms(self) -> list[tuple[int, str, str]]:
        """Window start, detector and stream of each alarm."""
        return [
            (record["window_start"], record["alarm"]["detector"], record["alarm"]["stream"])
            for record in self.reports
            if record["kind"] == "alarm"
        ]


class Worker:
    """One life of the drift role: it has found what there was, and takes more."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.now = 0.0
        self.watch = DriftWatch(
            dict(place.table),
            place.find_model,
            Watermark(idle_after=IDLE, started_at=0.0),
            WatchOptions(
                horizons=(1, 2), lateness_ms=0, open_windows=place.room, stretch=place.stretch
            ),
        )
        self.watch._table = place.table  # written through, as Faust's is
        self.watch.restore(place.reports)
        self.watch.rehearse(place.taken, 0.0)
        self.pass_time(IDLE)

    def pass_time(self, seconds: float) -> None:
        """Advance the clock without closing a window."""
        for _ in range(round(seconds)):
            self.now += 1.0
            self.watch._watermark.at(self.now, WALL)

    def take(self, partials: Iterable[Partial]) -> None:
        partials = [decode_partial(partial.encode()) for partial in partials]
        self.watch.take(partials, self.now)
        self.place.taken += partials

    def close(self, *, settles: bool = True) -> list[Report]:
        """Close all that is due; a worker that dies before it settles leaves it in the table."""
        reports: list[Report] = []
        for keys in self.watch.due(self.now, WALL):
            closing = self.watch.close(keys, wall_ms=77)
            reports += closing.reports
            self.place.reports += [decode_report(report.encode()) for report in closing.reports]
            if settles:
                self.watch.settle(closing)
        return reports

    def turn(self, partials: Iterable[Partial]) -> list[Report]:
        self.take(partials)
        return self.close()

    def end(self) -> list[Report]:
        """Advance the clock until it closes all open windows."""
        self.pass_time(IDLE + 2)
        return self.close()


def stream_of(*parts: CountedLeads) -> CountedLeads:
    return CountedLeads.joined(parts)


def calm(windows: int, *, first: int = 0, rise: float = 0.0) -> CountedLeads:
    """Leads of whole windows of 200 each."""
    return leads(windows * PER_WINDOW, first=first * PER_WINDOW, rise=rise)


def counted(log: CountedLeads, start: int) -> LeadCounts:
    """Count a window of a log afresh."""
    rows = np.flatnonzero((log.events >= start) & (log.events < start + WINDOW_MS))
    return LAYOUT.count(log.bins[rows], log.scores[rows], label=0.5)


def steps(partials: Sequence[Partial], size: int = 3) -> Iterator[Sequence[Partial]]:
    for start in range(0, len(partials), size):
        yield partials[start : start + size]


def test_windows_are_reported_in_order_once_and_exactly() -> None:
    place, log = Place(), calm(5)
    worker = place.worker()
    reports = [report for some in steps(partials_of(log)) for report in worker.turn(some)]
    reports += worker.end()
    windows = [report for report in reports if report.alarm is None]
    assert [report.window_start for report in windows] == [0, 1000, 2000, 3000, 4000]
    for report in windows:
        assert report.counts == counted(log, report.window_start)
        one, two = report.horizons
        assert (one.name, one.leads) == ("1s", 200)
        assert (two.name, two.leads) == ("2s", 400 if report.window_start else 200)
        assert (two.start, two.end) == (report.window_start - 1000, report.window_start + 1000)
    assert place.table == {}
    assert worker.watch.open_windows == 0
    assert worker.watch.late == 0
    assert worker.end() == []


def test_a_window_is_the_sum_over_its_partitions() -> None:
    place, log = Place(), calm(3)
    worker = place.worker()
    ours, theirs = (partials_of(log, partition=number) for number in (0, 1))
    for mine, other in zip(steps(ours), steps(theirs), strict=True):
        worker.turn([*mine, *other])
    worker.end()
    assert place.windows == {("3", 0): 400, ("3", 1000): 400, ("3", 2000): 400}


def test_the_partition_that_is_behind_is_waited_for() -> None:
    place, log = Place(), calm(3)
    worker = place.worker()
    worker.take(partials_of(log.take(slice(0, 1)), partition=1))
    assert worker.turn(partials_of(log)) == []
    assert worker.turn(partials_of(log.take(slice(0, 450)), partition=1)) != []
    assert place.windows == {("3", 0): 400, ("3", 1000): 400}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_restart_changes_nothing_wherever_it_falls(data: st.DataObject) -> None:
    log = stream_of(calm(4), calm(4, first=4, rise=0.5))
    partials = list(steps(partials_of(log, every=40)))
    without = Place()
    worker = without.worker()
    for some in partials:
        worker.turn(some)
    worker.end()

    place = Place()
    worker = place.worker()
    for some in partials:
        died = data.draw(st.sampled_from(["not at all", "before", "taken", "reported", "after"]))
        if died == "before":
            worker = place.worker()
        if died == "taken":
            worker.watch.take(some, worker.now)  # in the table, but not acknowledged
            worker = place.worker()
        if died == "reported":
            worker.watch.take(some, worker.now)
            worker.close(settles=False)
            worker = place.worker()
        worker.turn(some)
        if died == "after":
            worker = place.worker()
    worker.end()
    assert place.windows == without.windows
    assert place.alarms == without.alarms
    assert [r["horizons"] for r in place.reports] == [r["horizons"] for r in without.reports]
    assert place.table == {}
    assert worker.watch.late == 0


BEHIND = partials_of(leads(1), partition=1)
"""Holds the watermark back: the first lead of a partition."""
WIDE = partials_of(leads(100, step_ms=WINDOW_MS), every=10)
"""A window for each lead."""


def test_no_more_windows_are_open_than_there_is_room_for_and_all_leads_are_accounted_for() -> None:
    place = Place()
    place.room = 20
    worker = place.worker()
    worker.turn(BEHIND)
    for some in steps(WIDE):
        worker.turn(some)
        assert worker.watch.open_windows <= 20
        assert len(place.table) <= 20
    assert worker.watch.closed_early == 101 - worker.watch.open_windows
    of_closed_windows = leads(5, step_ms=WINDOW_MS)
    worker.turn(partials_of(of_closed_windows, partition=2))
    assert worker.watch.late == 5
    worker.end()
    assert sum(place.windows.values()) == 101
    assert list(place.windows) == [("3", start) for start in range(0, 100_000, 1000)]


def test_windows_close_early_at_the_same_places_however_often_the_worker_is_restarted() -> None:
    def windows(*, restarts: bool) -> tuple[dict[tuple[str, int], int], list[str], int]:
        place = Place()
        place.room = 20
        worker, late = place.worker(), 0
        for some in steps([*WIDE, *partials_of(leads(40, step_ms=3000), partition=2, every=4)]):
            worker.turn([*BEHIND, *some])
            if restarts:
                late += worker.watch.late
                worker = place.worker()
        return place.windows, sorted(place.table), late + worker.watch.late

    assert windows(restarts=True) == windows(restarts=False)


def test_the_newest_window_stays_open_where_partitions_alone_are_too_many() -> None:
    place = Place()
    place.room = 3
    worker = place.worker()
    for number in range(6):
        worker.turn(partials_of(leads(10), partition=number))
    assert worker.watch.open_windows == 6
    assert place.windows == {}


def test_the_detectors_continue_where_they_were() -> None:
    place, log = Place(), calm(6)
    worker = place.worker()
    worker.turn(partials_of(log))
    again = place.worker()
    assert again.watch.latest is not None, "from the reports"
    assert again.watch.rolling() == worker.watch.rolling()
    assert again.watch.changes == 0, "what is found again is not counted again"
    assert again.watch.late == 0


def test_a_window_that_is_partly_removed_from_the_table_is_not_reported_again() -> None:
    place, log = Place(), calm(2)
    worker = place.worker()
    worker.take([*partials_of(log), *partials_of(log, partition=1)])
    before = dict(place.table)
    assert worker.close()
    (lost,) = [key for key in before if "/0/0" in key]
    (left,) = [key for key in before if "/1/0" in key]
    place.table[left] = before[left]  # the worker died after it had removed the other
    again = place.worker()
    assert lost not in place.table
    assert [report.window_start for report in again.close()] == [1000]
    assert left not in place.table
    assert place.windows["3", 0] == 400
    watched = again.watch.latest
    assert watched is not None
    assert watched.windows[0].leads == 400, "the longer horizons have all of it"


def test_counts_for_a_reported_window_that_is_not_settled_complete_it() -> None:
    place, log = Place(), calm(2)
    partials = partials_of(log.take(slice(0, 210)), every=70)
    worker = place.worker()
    worker.take(partials)
    worker.close(settles=False)
    again = place.worker()
    more = leads(10, first=8000)._replace(events=np.full(10, 500))
    again.take([*partials, *partials_of(more)])
    again.end()
    assert place.windows == {("3", 0): 210, ("3", 1000): 10}
    assert again.watch.late == 0
    assert place.table == {}


def test_late_leads_are_counted_once() -> None:
    place, log = Place(), calm(3)
    worker = place.worker()
    worker.turn(partials_of(log))
    assert place.windows == {("3", 0): 200, ("3", 1000): 200}
    late = partials_of(log.take(slice(0, 90)), partition=1, every=30)
    worker.turn(late)
    assert worker.watch.late == 90
    worker.turn(late)
    assert worker.watch.late == 90, "these are repeats"
    assert place.windows["3", 0] == 200


def test_partials_repeated_by_the_next_owner_are_not_late() -> None:
    place, log = Place(), calm(3)
    worker = place.worker()
    worker.turn(partials_of(log))
    worker.turn(partials_of(log, every=77))
    assert worker.watch.late == 0
    again = place.worker()
    again.turn(partials_of(log, every=91))
    assert again.watch.late == 0, "nor after a restart"


def test_an_alarm_is_made_once_when_a_field_becomes_worse() -> None:
    place = Place()
    worker = place.worker()
    for some in steps(partials_of(stream_of(calm(4), calm(6, first=4, rise=0.6)), every=40)):
        worker.turn(some)
    worker.end()
    windowed = [(at, stream) for at, detector, stream in place.alarms if detector == "windowed"]
    assert sorted(stream for _, stream in windowed) == ["score", "visits"]
    assert {at for at, _ in windowed} == {4000}
    assert all(at >= 4000 for at, *_ in place.alarms)


def test_a_field_that_is_well_again_may_alarm_again() -> None:
    place = Place()
    worker = place.worker()
    log = stream_of(
        calm(3, rise=0.6), calm(3, first=3), calm(3, first=6, rise=0.6), calm(1, first=9)
    )
    for some in steps(partials_of(log, every=40)):
        worker.turn(some)
    worker.end()
    alarms = [at for at, detector, s in place.alarms if (detector, s) == ("windowed", "visits")]
    assert alarms == [0, 6000]


def test_since_when_a_field_is_not_well_continues_over_a_restart() -> None:
    place, log = Place(), stream_of(calm(3), calm(4, first=3, rise=0.6), calm(4, first=7))
    worker = place.worker()
    for some in steps(partials_of(log, every=40)):
        worker.turn(some)
        worker = place.worker()
    worker.end()
    since = {
        record["window_start"]: record["horizons"][0]["fields"][0]["since"]
        for record in place.reports
        if record["kind"] == "window"
    }
    assert since == {
        **dict.fromkeys(range(0, 3000, 1000)),
        **dict.fromkeys(range(3000, 7000, 1000), 3000),
        **dict.fromkeys(range(7000, 11_000, 1000)),
    }


def test_the_window_s_own_report_is_the_last_so_that_no_alarm_is_lost() -> None:
    worker = Place().worker()
    reports = worker.turn(partials_of(stream_of(calm(1, rise=0.6), calm(1, first=1))))
    assert len(reports) > 1
    assert [report.alarm is None for report in reports] == [*[False] * (len(reports) - 1), True]


def test_a_change_without_a_mean_before_it_can_be_reported() -> None:
    """A detector that begins again may find the next change within its first 32 values."""
    place = Place()
    worker = place.worker()
    worker.take(partials_of(calm(3, rise=0.6)))
    watched = worker.watch.latest
    assert watched is not None
    watched.confirmation.found(Change("visits", False, "page_hinkley", None, 0.9), 500)
    worker.close()
    (alarm,) = [
        record["alarm"]
        for record in place.reports
        if record["alarm"] and record["alarm"]["detector"] == "page_hinkley"
    ]
    assert (alarm["before"], alarm["after"]) == (None, 0.9)
    assert alarm["sentence"].startswith(
        "visits: page_hinkley saw the mean go to 0.900, and 1s of 200 leads agree."
    )


def test_leads_of_an_unknown_model_are_reported_once_it_is_known() -> None:
    place, log = Place(MODEL), calm(3)
    worker = place.worker()
    assert worker.turn(partials_of(log, model=OTHER_MODEL)) == []
    assert worker.watch.open_windows == 3
    place.models.append(OTHER_MODEL)
    worker.turn([])
    assert place.windows == {("4", 0): 200, ("4", 1000): 200}


def test_windows_of_a_model_that_never_comes_leave_the_table_when_they_are_of_no_use() -> None:
    place, log = Place(MODEL), calm(6)
    worker = place.worker()
    worker.turn(partials_of(log, model=OTHER_MODEL))
    assert sorted(int(key.rpartition("/")[2]) for key in place.table) == [3000, 4000, 5000]
    assert place.reports == []


def test_two_models_at_a_time_are_reported_separately() -> None:
    place, log = Place(MODEL, OTHER_MODEL), calm(3)
    worker = place.worker()
    worker.turn([*partials_of(log), *partials_of(log, model=OTHER_MODEL)])
    worker.end()
    assert len(place.windows) == 6
    assert set(place.windows.values()) == {200}


def test_a_lead_from_the_future_makes_no_other_lead_late() -> None:
    place, log = Place(), calm(3)
    year_2100 = 4_102_444_800_000
    future = leads(1, first=8000)._replace(events=np.array([year_2100]))
    worker = place.worker()
    worker.take(partials_of(future, partition=1))

    def reports(now_ms: int) -> list[int]:
        closings = [worker.watch.close(k, 0) for k in worker.watch.due(worker.now, now_ms)]
        for closing in closings:
            worker.watch.settle(closing)
        return [c.reports[-1].window_start for c in closings]

    assert reports(500) == []
    worker.take(partials_of(log))
    assert reports(2500) == [0, 1000]
    worker.pass_time(IDLE + 2)
    assert reports(3500) == [2000]
    assert worker.watch.open_windows == 1
    assert worker.watch.late == 0


def test_a_lead_of_long_ago_is_late_and_nothing_else() -> None:
    place, log = Place(), calm(3)
    worker = place.worker()
    worker.turn(partials_of(log))
    old = leads(1, first=8000)._replace(events=np.array([-(10**12)]))
    assert worker.turn(partials_of(old)) == []
    assert worker.watch.late == 1
    assert worker.watch.open_windows == 1


@pytest.mark.parametrize("restarts", [False, True], ids=["one worker", "a worker a window"])
def test_where_leads_are_few_a_longer_horizon_holds_the_latest_thousand(restarts: bool) -> None:
    place = Place()
    place.stretch = 10
    worker = place.worker()
    for first in range(12):
        if restarts:
            worker = place.worker()
        worker.turn(partials_of(calm(1, first=first)))
    worker.end()
    longer = [
        horizon
        for record in place.reports
        if record["kind"] == "window"
        for horizon in record["horizons"]
        if horizon["name"] == "longer"
    ]
    # Windows of 200: two are in the longest horizon, five make a thousand.
    assert [horizon["leads"] for horizon in longer] == [600, 800, *[1000] * 8]
    assert {horizon["end"] - horizon["start"] for horizon in longer[2:]} == {5 * WINDOW_MS}


def test_a_longer_horizon_reaches_no_further_back_than_it_may() -> None:
    place = Place()
    place.stretch = 2
    worker = place.worker()
    worker.turn(partials_of(calm(9)))
    worker.end()
    [*_, last] = place.reports
    assert [horizon["leads"] for horizon in last["horizons"]] == [200, 400, 800]


def test_the_last_window_closes_by_the_clock_where_no_further_lead_comes() -> None:
    place = Place()
    worker = place.worker()
    assert worker.turn(partials_of(calm(1))) == []
    worker.pass_time(IDLE - 1)
    assert worker.close() == []
    worker.pass_time(WINDOW_MS / 1000 + 2)
    assert [report.counts.leads for report in worker.close()] == [PER_WINDOW]
    assert worker.watch.open_windows == 0


def test_a_table_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a window of format 1"):
        DriftWatch(
            {"3f/0/0": b"?"},
            Place().find_model,
            Watermark(idle_after=1, started_at=0),
            WatchOptions(),
        )
