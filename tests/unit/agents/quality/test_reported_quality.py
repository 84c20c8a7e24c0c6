from agents.quality.quality_report import QualityReport, Segment
from agents.quality.reported_quality import ReportedQuality, WeekSpan
from monitoring.quality.cohorts import WEEK_MS
from tests.unit.agents.quality.quality_reports import CHANGE, MODEL, OTHER, WEEK, report


def folded(*reports: QualityReport) -> ReportedQuality:
    found = ReportedQuality("leads.scored")
    for one in reports:
        found.take(one)
    return found


def test_partitions_and_weeks_add() -> None:
    parts = [report(partition=p, week=w, leads=20 + 10 * p) for p in (0, 1) for w in (0, 1)]
    found = folded(*parts)
    assert found.counts(MODEL).leads == 100
    assert found.counts(MODEL, {WEEK}).leads == 50
    assert found.weeks(MODEL) == (WEEK, WEEK + WEEK_MS)
    assert found.counts(OTHER).leads == 0


def test_the_last_report_of_a_key_is_valid() -> None:
    assert folded(report(leads=10), report(leads=30)).counts(MODEL).leads == 30


def test_a_tombstone_removes_a_report() -> None:
    found = folded(report())
    found.drop(report().key)
    found.drop(b"another")
    assert found.models == ()


def test_reports_on_other_topics_are_ignored() -> None:
    found = folded()
    assert not found.take(report(topic="leads.scored.shadow"))
    assert found.take(report())
    assert found.models == (MODEL,)


def test_the_model_of_the_newest_week_comes_first() -> None:
    found = folded(report(week=3), report(week=5, model=OTHER))
    assert found.models == (OTHER, MODEL)
    same_week = folded(report(model=OTHER), report(reported_at=WEEK + 90_000_000))
    assert same_week.models == (MODEL, OTHER)


def test_the_latest_weeks_end_with_the_newest_known_outcome() -> None:
    found = folded(*(report(week=w) for w in range(20)), report(week=20, unknown=1.0))
    span = found.span(MODEL)
    assert span == WeekSpan.up_to(WEEK + 19 * WEEK_MS)
    assert sorted(span.latest) == [WEEK + w * WEEK_MS for w in range(16, 20)]
    assert sorted(span.before) == [WEEK + w * WEEK_MS for w in range(4, 16)]


def test_without_known_outcomes_there_is_no_span() -> None:
    assert folded(report(unknown=1.0)).span(MODEL) is None


def test_segments_are_apart_from_all_leads() -> None:
    found = folded(
        report(leads=30),
        *(report(partition=p, leads=10, segment=Segment("country", "DE")) for p in (0, 1)),
        report(week=1, leads=10, segment=Segment("country", "FR")),
        report(leads=10, segment=Segment("job", "admin.")),
    )
    by_country = found.segments(MODEL, "country")
    assert {name: counts.leads for name, counts in by_country.items()} == {"DE": 20, "FR": 10}
    assert set(found.segments(MODEL, "country", {WEEK})) == {"DE"}
    assert found.fields(MODEL) == ("country", "job")
    assert found.counts(MODEL).leads == 30


def test_changes_come_newest_first_and_count_no_leads() -> None:
    first, later = report(change=CHANGE), report(week=1, change=CHANGE, reported_at=WEEK * 2)
    found = folded(first, later)
    assert found.changes(MODEL) == [later, first]
    assert found.models == ()
