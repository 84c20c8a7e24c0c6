"""Records of the drift topics: those about this worker's leads are read, damaged ones ignored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.drift.records import DriftRecords
from stream.settings import load_settings
from tests.unit.agents.drift_log import leads, partials_of
from tests.unit.stream.drift.drift_made import report

PARTIALS = partials_of(leads(40), every=20)


@pytest.fixture
def records() -> DriftRecords:
    return DriftRecords(load_settings(leads_created="leads"))


def test_partials_of_the_source_topic_are_read_in_order(records: DriftRecords) -> None:
    found = list(records.partials([partial.encode() for partial in PARTIALS]))
    assert [partial.key for partial in found] == [partial.key for partial in PARTIALS]


def test_partials_of_another_topic_are_left_out(
    records: DriftRecords, caplog: pytest.LogCaptureFixture
) -> None:
    other = replace(PARTIALS[0], topic="elsewhere")
    assert [found.topic for found in records.partials([other.encode(), PARTIALS[0].encode()])] == [
        "leads"
    ]
    assert caplog.records == []


@pytest.mark.parametrize("damaged", [None, b"", PARTIALS[0].encode()[:-3]])
def test_a_damaged_partial_is_logged_and_the_next_one_is_read(
    records: DriftRecords, caplog: pytest.LogCaptureFixture, damaged: bytes | None
) -> None:
    [found] = records.partials([damaged, PARTIALS[0].encode()])
    assert found.key == PARTIALS[0].key
    [line] = caplog.records
    assert "ignored an invalid record of leads.drift.partials" in line.getMessage()


def test_reports_of_the_source_topic_are_read_and_others_are_not(
    records: DriftRecords, caplog: pytest.LogCaptureFixture
) -> None:
    values = [report(topic="elsewhere").encode(), b"damaged", report(topic="leads").encode()]
    assert [found["topic"] for found in records.reports(values)] == ["leads"]
    [line] = caplog.records
    assert "ignored an invalid record of leads.drift:" in line.getMessage()
