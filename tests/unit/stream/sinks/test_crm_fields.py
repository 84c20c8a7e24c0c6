"""Properties of a CRM: their values, and when they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import StartupError
from stream.sinks.crm_fields import CrmFields
from testing.sink_writer import record

FIELDS = CrmFields({}, "ls_{}".format)


def test_reasons_are_cut_between_two_reasons() -> None:
    reasons = [{"feature": f"f{at}", "value": "v" * 30, "contribution": -0.5} for at in range(20)]
    text = FIELDS.of(record(0, reasons=reasons))["ls_reasons"]
    assert 200 < len(text) <= 255
    assert text.endswith("v (-0.50)")


def test_other_fields_can_be_mapped() -> None:
    fields = CrmFields({"order": "o", "low_coverage": "c", "created_at": "t"}, str)
    assert fields.of(record(0)) == {
        "o": "1790000000000",
        "c": False,
        "t": "2026-09-21T14:13:15.000Z",
    }
    assert fields.names == ("o", "c", "t")


def test_a_grade_is_written_where_it_is_mapped_and_a_new_one_is_a_change() -> None:
    fields = CrmFields({"order": "o", "grade": "g"}, str)
    graded = fields.of(replace(record(0), grade="B2"))
    assert graded == {"o": "1790000000000", "g": "B2"}
    assert fields.is_to_write(graded, {"o": "1", "g": "B3"})
    assert not fields.is_to_write(graded, {"o": "1", "g": "B2"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"score": "a"}, "also the field order"),
        ({"score": "a", "order": "a"}, "a property of its own"),
        ({"scores": "a", "order": "b"}, "scores is none of"),
    ],
)
def test_a_mapping_that_can_not_be_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(StartupError, match=sentence):
        CrmFields(given, str)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, True),
        ({}, True),
        ({"ls_score": "0.0", "ls_category": "Low", "ls_reasons": "age: over 40 (+0.25)"}, False),
        ({"ls_score": 0, "ls_category": "Low", "ls_reasons": "age: over 40 (+0.25)"}, False),
        ({"ls_score": "none", "ls_category": "Low", "ls_reasons": "age: over 40 (+0.25)"}, True),
        ({"ls_score": 0.01, "ls_order": "1789999999999"}, True),
        ({"ls_score": 0.01, "ls_order": "1790000000001"}, False),
        ({"ls_score": 0.01, "ls_order": "1790000000001.0"}, False),
        ({"ls_score": 0.01, "ls_order": "by hand"}, True),
    ],
)
def test_a_newer_event_that_differs_is_written(
    found: dict[str, Any] | None, expected: bool
) -> None:
    assert FIELDS.is_to_write(FIELDS.of(record(0)), found) is expected


def test_truths_and_missing_values_are_compared_as_the_crm_returns_them() -> None:
    fields = CrmFields({"order": "o", "low_coverage": "c", "replay_id": "r", "label": "l"}, str)
    event = fields.of(record(0, label=None))
    assert not fields.is_to_write(event, {"c": "false", "l": "", "o": "1"})
    assert fields.is_to_write(event, {"c": "true", "l": "", "o": "1"})
    assert fields.is_to_write(event, {"c": "false", "l": "x", "o": "1"})
