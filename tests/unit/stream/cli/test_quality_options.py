import json

import orjson
import pytest

from agents.quality.reported_quality import ReportedQuality
from monitoring.drift.diagnosis import Diagnosis
from monitoring.quality.diagnosis import DriftKind
from schemas.errors import InputError
from stream.cli.quality_options import ShownQuality, chosen_quality
from tests.unit.agents.quality.quality_reports import CHANGE, MODEL, OTHER
from tests.unit.stream.cli.shown_reports import reported


def chosen(version: str | None = None, weeks: int = 3, field: str | None = None) -> ShownQuality:
    leads = Diagnosis.COVARIATE
    found = chosen_quality(reported(), leads, version=version, weeks=weeks, field=field)
    assert found is not None
    return found


def test_the_model_with_the_newest_scores_is_shown_with_its_latest_weeks() -> None:
    found = chosen()
    assert found.shown.model == MODEL
    assert [row.week for row in found.weeks] == ["2027-W05", "2027-W06", "2027-W07"]
    assert [row.figures.leads for row in found.weeks] == [300, 300, 0]
    assert found.segments == ()


def test_another_model_is_shown_by_its_version() -> None:
    assert chosen(version="8").shown.model == OTHER


def test_the_verdict_is_on_the_latest_weeks() -> None:
    found = chosen()
    assert found.verdict.kind is DriftKind.BOTH
    assert CHANGE.sentence in found.verdict.findings


def test_segments_are_those_of_the_latest_weeks() -> None:
    found = chosen(field="country")
    assert {row.segment: row.leads for row in found.segments} == {
        "DE": 600,
        "United States of America and its islands": 600,
    }


def test_a_model_that_has_no_scores_is_refused() -> None:
    with pytest.raises(InputError, match=r"\(7, 8\), got '9'"):
        chosen(version="9")


def test_a_field_without_segments_is_refused() -> None:
    with pytest.raises(InputError, match="'job' is not; these are: country"):
        chosen(field="job")
    with pytest.raises(InputError, match="'job' is not; none is"):
        chosen(version="8", field="job")


def test_without_reports_nothing_is_shown() -> None:
    nothing = ReportedQuality("leads.scored")
    assert chosen_quality(nothing, None, version="7", weeks=3, field=None) is None


def test_records_are_of_the_model_its_weeks_and_segments() -> None:
    records = [json.loads(orjson.dumps(found)) for found in chosen(field="country").records()]
    kinds = [record["kind"] for record in records]
    assert kinds == ["model", *["week"] * 3, *["segment"] * 2]
    model, *_, segment = records
    assert model["drift"] == "both"
    assert len(model["latest_weeks"]) == 4
    assert model["latest"]["auc"]["low"] < model["latest"]["auc"]["value"]
    assert segment["field"] == "country"
    assert {record["model_version"] for record in records} == {"7"}
