"""Leads out of files: contract, columns, times."""

from types import SimpleNamespace
from typing import Any

import pytest

from features.table_file import parse_table
from schemas.errors import InputError
from stream.simulator.lead_file import contract_of, leads_of, under_field_names, unused_columns
from stream.simulator.playing import Lead

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}


def contract(name: Any, **types: Any) -> Any:
    fields = [{"name": field, "type": avro_type} for field, avro_type in types.items()]
    envelope = [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": MILLIS}]
    avro = {"type": "record", "name": name, "fields": envelope + fields}
    return SimpleNamespace(name=name, avro=avro)


CALL = contract(
    "call",
    age=["null", "int"],
    rate=["null", "double"],
    job=["null", "string"],
    known=["null", "boolean"],
    seen=["null", MILLIS],
    band=["null", {"type": "enum", "name": "Band", "symbols": ["A", "B"]}],
)
TABLE = parse_table(
    b"id,when,age,rate,job,known,seen,band,y\n"
    b"a,2024-01-01T00:00:00Z,41,1.5,sales,yes,2024-01-02,A,no\n"
    b"b,2024-01-01T00:00:01.500Z,,,,,,,yes\n",
    "calls.csv",
)


def test_rows_become_leads_of_the_contracts_types() -> None:
    first, second = leads_of(TABLE, CALL, lead_id="id", time="when")
    assert first == Lead(
        "a",
        1_704_067_200_000,
        {
            "age": 41,
            "rate": 1.5,
            "job": "sales",
            "known": True,
            "seen": 1_704_153_600_000,
            "band": "A",
        },
    )
    assert {name: type(value) for name, value in first.fields.items()} == {
        "age": int, "rate": float, "job": str, "known": bool, "seen": int, "band": str
    }  # fmt: skip
    assert second == Lead("b", 1_704_067_201_500, dict.fromkeys(first.fields))


def test_a_lead_may_be_without_a_time() -> None:
    assert [lead.created_at for lead in leads_of(TABLE, CALL, lead_id="id", time=None)] == [
        None
    ] * 2


def test_columns_that_are_not_sent_are_named() -> None:
    assert unused_columns(TABLE, CALL, "id", "when") == ["y"]
    assert unused_columns(TABLE, CALL, "id", None) == ["when", "y"]


def test_a_field_that_the_file_lacks_is_null_or_its_default() -> None:
    avro = contract("wide", age=["null", "int"], region=["null", "string"])
    avro.avro["fields"].append({"name": "source", "type": "string", "default": "web"})
    fields = leads_of(TABLE, avro, lead_id="id", time="when")[0].fields
    assert fields == {"age": 41, "region": None, "source": "web"}


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ({"region": "string"}, "wide requires region, which calls.csv does not have"),
        ({"age": "int"}, "row 2 of the file: the column 'age' is empty, and wide requires it"),
        ({"rate": ["null", "int"]}, "row 1 of the file: the column 'rate' does not fit .* int"),
        ({"job": ["null", "double"]}, "column 'job', row 1: expected a number"),
        ({"job": ["null", "boolean"]}, "row 1 of the file: the column 'job' .* boolean"),
        (
            {"job": ["null", {"type": "enum", "name": "J", "symbols": ["it"]}]},
            "row 1 of the file: the column 'job' .* enum",
        ),
    ],
)
def test_a_cell_that_does_not_fit_is_named(types: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        leads_of(TABLE, contract("wide", **types), lead_id="id", time="when")


def test_ids_and_times_are_required() -> None:
    table = parse_table(b"id,when,age\na,2024-01-01,1\n,,2\n", "calls.csv")
    with pytest.raises(InputError, match="row 2 of the file: the id column 'id' is empty"):
        leads_of(table, contract("call"), lead_id="id", time=None)
    table = parse_table(b"id,when,age\na,2024-01-01,1\nb,,2\n", "calls.csv")
    with pytest.raises(InputError, match=r"row 2 .* time column 'when' is empty .*--now"):
        leads_of(table, contract("call"), lead_id="id", time="when")


def test_the_contract_is_the_largest_whose_fields_the_file_all_has() -> None:
    small = contract("small", age=["null", "int"])
    wide = contract("wide", age=["null", "int"], region=["null", "string"])
    assert contract_of(TABLE, [small, CALL, wide]) is CALL
    assert contract_of(TABLE, [wide, small]) is small


def test_where_no_contract_fits_the_message_says_what_the_closest_lacks() -> None:
    wide = contract("wide", age=["null", "int"], region=["null", "string"])
    far = contract("far", region=["null", "string"], size=["null", "int"])
    with pytest.raises(InputError, match=r"closest is wide, of which it lacks region\. .*--schema"):
        contract_of(TABLE, [far, wide])


def test_a_request_id_is_not_asked_of_a_file() -> None:
    one = contract("one", age=["null", "int"], request_id=["null", "string"])
    assert contract_of(TABLE, [one]) is one


def test_where_two_contracts_fit_one_must_be_chosen() -> None:
    two = [contract("one", age=["null", "int"]), contract("two", job=["null", "string"])]
    with pytest.raises(InputError, match="several contracts: choose one with --schema one or two"):
        contract_of(TABLE, two)


def test_columns_whose_names_differ_in_form_are_the_contracts_fields() -> None:
    contract_ = contract("named", lead_source=["null", "string"], u6765u6e90=["null", "string"])
    contract_.avro["fields"][-1]["aliases"] = ["来源"]
    content = "ID,Lead Source,来源,leadScore\na,web,x,1\n".encode()
    named = under_field_names(parse_table(content, "leads.csv"), contract_)
    [lead] = leads_of(named, contract_, lead_id=named.find("ID", "--id"), time=None)
    assert lead.fields == {"lead_source": "web", "u6765u6e90": "x"}
    assert unused_columns(named, contract_, "ID") == ["leadScore"]
    assert contract_of(parse_table(content, "leads.csv"), [contract_, CALL]) is contract_


def test_two_columns_that_may_be_one_field_are_refused() -> None:
    table = parse_table(b"id,Lead Source,leadSource\na,web,fair\n", "leads.csv")
    with pytest.raises(InputError, match="may each be the field lead_source"):
        under_field_names(table, contract("named", lead_source=["null", "string"]))


def test_a_time_of_day_is_written_as_milliseconds() -> None:
    clock = {"type": "int", "logicalType": "time-millis"}
    table = parse_table(b"id,calls\na,14:30\nb,9:15 AM\n", "leads.csv")
    leads = leads_of(table, contract("timed", calls=clock), lead_id="id", time=None)
    assert [lead.fields["calls"] for lead in leads] == [52_200_000, 33_300_000]
