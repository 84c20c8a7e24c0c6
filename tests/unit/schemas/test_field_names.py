"""Fields are found by their column's name or one of another form; ambiguity is refused."""

from __future__ import annotations

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import REMEMBERED, FieldNames

COLUMNS = {
    "Lead_Source": "Lead Source",
    "No__of_Employees": "No. of Employees",
    "u6765u6e90": "来源",
}


@pytest.mark.parametrize(
    "name",
    ["Lead_Source", "Lead Source", "leadSource", "lead_source", "LEAD-SOURCE", "lead source"],
)
def test_a_name_of_another_form_is_the_field(name: str) -> None:
    assert FieldNames(COLUMNS).find(["lead_id", name])["Lead_Source"] == name


def test_a_name_that_is_not_ascii_is_the_field() -> None:
    assert FieldNames(COLUMNS).find(["来源"])["u6765u6e90"] == "来源"


def test_a_field_that_is_not_there_keeps_its_name() -> None:
    assert FieldNames(COLUMNS).find(["other"]) == {name: name for name in COLUMNS}


def test_the_exact_name_comes_first() -> None:
    names = FieldNames(COLUMNS)
    assert names.find(["leadSource", "Lead Source"])["Lead_Source"] == "Lead Source"
    assert names.find(["Lead Source", "Lead_Source"])["Lead_Source"] == "Lead_Source"


@pytest.mark.parametrize("_", ["found", "remembered"])
def test_two_names_for_a_field_are_refused(_: str) -> None:
    names = FieldNames(COLUMNS)
    for _again in range(2):
        with pytest.raises(InvalidEventError, match="leadSource, lead_source may each") as refused:
            names.find(["leadSource", "lead_source"])
        assert refused.value.code is ErrorCode.VALIDATION


def test_a_refusal_that_is_remembered_keeps_no_lead_alive() -> None:
    names, refused = FieldNames(COLUMNS), []
    for _ in range(2):
        with pytest.raises(InvalidEventError) as found:
            names.find(["leadSource", "lead_source"])
        refused.append(found.value)
    assert refused[0] is not refused[1]


def test_one_name_for_two_fields_is_refused() -> None:
    with pytest.raises(InvalidEventError, match="may be two fields"):
        FieldNames({"a_b": "a_b", "A_B": "A B"}).find(["aB"])


def test_names_of_the_envelope_are_no_field_of_another_form() -> None:
    assert FieldNames({"Created_At": "Created At"}).find(["created_at"]) == {
        "Created_At": "Created_At"
    }


def test_the_cache_of_names_is_bounded() -> None:
    names = FieldNames(COLUMNS)
    for i in range(3 * REMEMBERED):
        names.find([f"key{i}"])
    names.find(map(str, range(100_000)))
    names.find(["x" * 1_000_000])
    assert len(names._known) <= REMEMBERED
    assert max(len("".join(key)) for key in names._known) < 100
