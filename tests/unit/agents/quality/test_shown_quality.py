from dataclasses import replace

from agents.quality.quality_report import QualityReport
from agents.quality.reported_quality import ReportedQuality
from agents.quality.shown_quality import ShownModel, shown_models
from schemas.model_identity import ModelIdentity
from tests.unit.agents.quality.quality_reports import CHANGE, MODEL, OTHER, report


def shown(*reports: QualityReport) -> list[ShownModel]:
    found = ReportedQuality("leads.scored")
    for one in reports:
        found.take(one)
    return shown_models(found)


def test_the_latest_weeks_are_apart_from_those_before() -> None:
    [found] = shown(*(report(week=w, leads=10) for w in range(20)))
    assert (found.latest.leads, found.before.leads) == (40, 120)


def test_a_model_without_weeks_before_has_only_its_latest() -> None:
    [found] = shown(report(week=1), report(week=2))
    assert (found.latest.leads, found.before) == (100, None)


def test_without_known_outcomes_all_weeks_are_shown() -> None:
    [found] = shown(report(unknown=1.0), report(week=9, unknown=1.0))
    assert (found.span, found.latest.unknown, found.changes) == (None, 100, ())


def test_only_changes_of_the_latest_weeks_for_the_worse_are_counted() -> None:
    better = replace(CHANGE, stream="label", is_worse=False)
    [found] = shown(
        *(report(week=w) for w in range(8)),
        report(week=1, change=CHANGE),
        report(week=6, change=CHANGE),
        report(week=6, change=better),
    )
    assert len(found.changes) == 2
    assert found.worse == {"bias": 1}


def test_few_models_are_shown_the_newest_first() -> None:
    models = [ModelIdentity("leads", str(n), f"{n:02}" * 32) for n in range(8)]
    found = shown(*(report(week=n, leads=3, model=model) for n, model in enumerate(models)))
    assert [one.model.version for one in found] == ["7", "6", "5", "4", "3"]


def test_each_model_has_figures_of_its_own() -> None:
    first, second = shown(report(week=1, leads=20), report(week=0, leads=30, model=OTHER))
    assert (first.model, first.latest.leads) == (MODEL, 20)
    assert (second.model, second.latest.leads) == (OTHER, 30)
