"""A table of leads: its columns, their names, and how they are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from features.table_file import parse_table
from schemas.errors import InputError
from schemas.field_names import FieldNames
from tests.unit.features.tables import CATEGORY, DATE, NUMBER, strings, table


def test_a_field_without_a_column_is_missing() -> None:
    columns: Any = table("a,b\n1,2\n").columns_for({"x": NUMBER, "y": CATEGORY})
    assert np.isnan(columns["x"]).all()
    assert columns["y"] == [None]


def test_a_cell_of_the_wrong_type_is_named() -> None:
    with pytest.raises(InputError, match=r"column 'a\.b', row 2: expected a number, got 'x'"):
        table("a.b,c\n1,2\nx,3\n").columns_for({"a_b": NUMBER})
    with pytest.raises(InputError, match="row 1: expected a time"):
        table("a,b\nx,3\n").columns_for({"a": DATE})


def test_a_column_is_found_by_both_of_its_names_and_close_ones_are_suggested() -> None:
    parsed = table("emp.var.rate,Age,y\n1,2,3\n")
    assert parsed.find("emp.var.rate", "--target") == "emp_var_rate"
    assert parsed.find("emp_var_rate", "--target") == "emp_var_rate"
    with pytest.raises(InputError, match=r"no column 'age' \(--exclude\). Did you mean 'Age'"):
        parsed.find("age", "--exclude")
    with pytest.raises(InputError, match=r"Its columns: emp\.var\.rate, Age, y"):
        parsed.find("zzzzzz", "--target")


def test_a_part_of_a_table_has_its_rows_and_an_identity_of_its_own() -> None:
    parsed = table("t,x\n2024-01-01,a\n2024-01-03,b\n2024-01-02,c\n")
    part = parsed.slice(1, 3)
    assert strings(part, "x") == ["b", "c"]
    assert part.rows == 2
    assert part.sha256 not in {parsed.sha256, parsed.slice(0, 2).sha256}
    assert part.sha256 == parsed.take(np.array([1, 2])).sha256
    moment = datetime(2024, 1, 3, tzinfo=UTC).timestamp() * 1000
    assert strings(parsed.before("t", moment), "x") == ["a", "c"]


def test_a_file_s_name_that_differs_in_form_from_a_model_s_field_is_not_ambiguous() -> None:
    names = FieldNames({"lead_source": "lead_source", "Job": "Job"})
    table = parse_table(b"Lead Source,job\nweb,cto\n", "leads.csv").with_fields_of(names)
    assert table.names == ("lead_source", "Job")


def test_columns_that_differ_in_form_only_are_reported() -> None:
    parsed = table("lead_id,Lead Source,lead_source,won\na,web,event,1\nb,,web,0\n")
    [remark] = parsed.remarks
    assert "'Lead Source' and 'lead_source' differ in form only" in remark
    assert "a lead must have each name exactly" in remark


def test_one_column_under_two_names_is_reported() -> None:
    """A sender changed the spelling of a key: each column lacked half of the values."""
    parsed = table('{"leadSource": "web", "n": 1}\n{"lead_source": "event", "n": 2}\n')
    [remark] = parsed.remarks
    assert "no row has values in both, so they are probably one column" in remark


def test_a_column_whose_name_another_one_gets_is_reported() -> None:
    """Such a file was scored by one of the two columns, and nothing reported it."""
    parsed = table("lead_id,Lead Source,lead_source\na,web,event\n")
    named = parsed.with_fields_of(FieldNames({"source": "Lead Source", "lead_source": "x"}))
    assert named.unusable == {}
    renamed = parsed.with_name("Lead_Source", "lead_source")
    assert renamed.unusable == {"lead_source": "'Lead Source' is read as lead_source"}
