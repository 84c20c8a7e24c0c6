from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.drift_reports import (
    Alarm,
    Report,
    assessments_of,
    counts_of,
    decode_report,
    span_name,
)
from agents.partials import sparse
from monitoring.drift.assessment import Assessor
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftThresholds
from schemas.store import PACKAGED, parse_schema
from tests.unit.agents.drift_log import LAYOUT, MODEL, leads

ASSESSOR = Assessor(
    LAYOUT,
    importance={"visits": 1.0},
    engagement=(0.15, 0.4),
    thresholds=DriftThresholds(min_leads=100, exact_below=0),
)
OLD_FINGERPRINT = "bf8fce2667b929a6"
ALARM = Alarm("adwin", "score", True, None, 0.7, Diagnosis.PREDICTION, "It has changed.")


def report(count: int = 300, alarm: Alarm | None = None) -> Report:
    log = leads(count)
    counts = LAYOUT.count(log.bins, log.scores, label=0.5)
    horizons = tuple(
        ASSESSOR.assess(counts, name=name, start=5000 - length, end=5000)
        for name, length in (("1s", 1000), ("4s", 4000))
    )
    since = replace(horizons[0], fields=horizons[0].with_since([1000, None, 4000]).fields)
    return Report(5500, "leads", MODEL, 4000, 5000, counts, (since, horizons[1]), alarm)


def decoded(made: Report) -> Mapping[str, Any]:
    return decode_report(made.encode())


@pytest.mark.parametrize("count", [300, 30], ids=["assessed", "too few"])
def test_a_report_comes_back_as_it_was(count: int) -> None:
    made = report(count)
    record = decoded(made)
    assert assessments_of(record) == made.horizons
    assert counts_of(record, LAYOUT.size) == made.counts
    assert (record["kind"], record["alarm"]) == ("window", None)
    assert (record["reported_at"], record["topic"]) == (5500, "leads")
    assert (record["window_start"], record["window_end"]) == (4000, 5000)
    assert record["model_sha256"] == MODEL.sha256


def test_an_alarm_comes_back_with_the_window_that_it_is_of() -> None:
    record = decoded(report(alarm=ALARM))
    assert record["kind"] == "alarm"
    assert record["alarm"] == {
        "detector": "adwin",
        "stream": "score",
        "is_confirmed": True,
        "before": None,
        "after": pytest.approx(0.7),
        "diagnosis": "prediction",
        "sentence": "It has changed.",
    }
    assert assessments_of(record) == report().horizons


def test_the_reports_of_a_window_have_one_key_and_its_alarms_their_own() -> None:
    assert report(10).key == report(300).key == b"3f3f3f3f3f3f3f3f/4000"
    assert report(alarm=ALARM).key == b"3f3f3f3f3f3f3f3f/4000/alarm/adwin/score"


@given(data=st.data())
def test_damaged_bytes_are_a_value_error_and_nothing_else(data: st.DataObject) -> None:
    value = bytearray(VALUE)
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        record = decode_report(bytes(value[: data.draw(st.integers(0, len(value)))]))
    except ValueError as error:
        assert "expected a drift_report" in str(error)  # noqa: PT017
    else:
        assert record.keys() == decode_report(VALUE).keys()


def test_a_report_of_the_previous_schema_has_null_for_false() -> None:
    """Its bytes, of 30 leads, as the release before wrote them."""
    made = report(30)
    old = json.loads((PACKAGED / "older/drift_report.avsc").read_text())
    codes, counts = sparse(made.counts.counts)
    horizons = [assessment.record() for assessment in made.horizons]
    for horizon in horizons:
        horizon |= {"is_drift": False, "is_prediction_drift": False}
        horizon["fields"] = [field | {"is_drifted": False} for field in horizon["fields"]]
    new = decoded(made)
    written = {**new, "codes": codes, "counts": counts, "horizons": horizons}
    out = io.BytesIO()
    out.write(bytes.fromhex("c301" + OLD_FINGERPRINT))
    fastavro.schemaless_writer(out, parse_schema(old).parsed, written)
    assert decode_report(out.getvalue()) == new
    assert {horizon["is_drift"] for horizon in new["horizons"]} == {None}


def test_the_older_schema_is_the_one_that_was_written_with() -> None:
    old = json.loads((PACKAGED / "older/drift_report.avsc").read_text())
    assert parse_schema(old).fingerprint.hex() == OLD_FINGERPRINT


VALUE = report().encode()


@pytest.mark.parametrize("value", [None, b"", b"\xc3\x01", b"not a report at all", VALUE[:-9]])
def test_bytes_that_are_no_report_are_refused(value: bytes | None) -> None:
    with pytest.raises(ValueError, match="expected a drift_report"):
        decode_report(value)


@pytest.mark.parametrize(
    ("ms", "name"),
    [
        (300_000, "5m"),
        (3_600_000, "1h"),
        (86_400_000, "24h"),
        (30 * 86_400_000, "30d"),
        (90_000, "90s"),
        (1500, "1500ms"),
    ],
)
def test_spans_have_short_names(ms: int, name: str) -> None:
    assert span_name(ms) == name
