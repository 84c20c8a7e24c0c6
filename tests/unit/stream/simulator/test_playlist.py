"""Leads of a run, from the options of a command."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from schemas.store import SchemaStore
from stream.simulator.playlist import DEFAULT_COUNT, Wanted, make_playlist
from stream.simulator.shift import Span

STORE = SchemaStore.load()
BANK = Path("data/bank_marketing/contacts.csv.gz")


def test_without_a_file_synthetic_leads_are_played() -> None:
    playlist = make_playlist(Wanted(seed=1), STORE)
    assert playlist.contract.name.endswith("lead_created")
    assert playlist.total == DEFAULT_COUNT == len(list(playlist.leads))


def test_a_count_of_zero_has_no_end() -> None:
    playlist = make_playlist(Wanted(count=0), STORE)
    assert playlist.total is None
    assert len(list(islice(playlist.leads, 5000))) == 5000


def test_a_file_is_played_in_its_order_and_a_count_cuts_it(leads_csv: Path) -> None:
    wanted = Wanted(file=leads_csv, contract="lead_created")
    playlist = make_playlist(wanted, STORE)
    leads = list(playlist.leads)
    assert [lead.lead_id for lead in leads] == ["b", "a"]
    assert (leads[0].fields["page_views"], leads[1].fields["industry"]) == (7, None)
    one = make_playlist(Wanted(file=leads_csv, contract="lead_created", count=1), STORE)
    assert (one.total, len(list(one.leads))) == (1, 1)


def test_by_its_time_stamps_a_file_is_played_in_the_order_of_time(leads_csv: Path) -> None:
    wanted = Wanted(file=leads_csv, contract="lead_created", in_order=True, created_now=True)
    leads = list(make_playlist(wanted, STORE).leads)
    assert [lead.lead_id for lead in leads] == ["a", "b"]
    assert leads[1].created_at - leads[0].created_at == 86_400_000


def test_the_bank_contacts_are_known_by_their_columns() -> None:
    wanted = Wanted(file=BANK)
    playlist = make_playlist(wanted, STORE)
    assert playlist.contract.name.endswith("bank_contact")
    assert playlist.total == 41_188
    assert set(playlist.unused) == {"duration", "y"}
    fields = next(iter(playlist.leads)).fields
    assert (fields["age"], fields["emp_var_rate"], fields["job"]) == (56, 1.1, "housemaid")


def test_a_column_of_a_part_of_a_file_is_read_as_the_others_are(tmp_path: Path) -> None:
    rows = gzip.decompress(BANK.read_bytes()).splitlines()
    part = tmp_path / "part.csv"
    part.write_bytes(b"\n".join([rows[0], *rows[30_001:30_070]]))
    leads = list(make_playlist(Wanted(file=part), STORE).leads)
    assert leads[0].fields["euribor3m"] == 1.405, "no value shows that it is not 1,405"


def test_a_contract_may_be_a_file(tmp_path: Path, leads_csv: Path) -> None:
    contract = tmp_path / "own.avsc"
    contract.write_text(
        '{"type": "record", "name": "own", "fields": [{"name": "lead_id", "type": "string"},'
        '{"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},'
        '{"name": "page_views", "type": "int"}]}'
    )
    playlist = make_playlist(Wanted(file=leads_csv, contract=str(contract)), STORE)
    assert [lead.fields for lead in playlist.leads] == [{"page_views": 7}, {"page_views": 3}]
    assert playlist.unused == ["industry"]


@pytest.fixture
def own_contract(tmp_path: Path) -> str:
    file = tmp_path / "own.avsc"
    millis = '{"type": "long", "logicalType": "timestamp-millis"}'
    file.write_text(
        '{"type": "record", "name": "own", "fields": [{"name": "lead_id", "type": "string"},'
        f'{{"name": "created_at", "type": {millis}}},'
        '{"name": "employees", "type": ["null", "double"]},'
        f'{{"name": "seen", "type": ["null", {millis}]}},'
        '{"name": "source", "type": ["null", "string"]}]}'
    )
    return str(file)


def played(tmp_path: Path, contract: str, content: str, **wanted: Any) -> Any:
    file = tmp_path / "leads.csv"
    file.write_text(content)
    return make_playlist(Wanted(file=file, contract=contract, created_now=True, **wanted), STORE)


def test_fields_without_a_column_are_reported(tmp_path: Path, own_contract: str) -> None:
    """They were sent as null, and nothing reported it."""
    playlist = played(tmp_path, own_contract, "lead_id,employees\na,5\n")
    assert playlist.remarks == [
        f"{tmp_path}/leads.csv has no column for seen, source of own: sent as null, or as the"
        " contract's default"
    ]


def test_a_file_without_any_field_of_the_contract_is_refused(
    tmp_path: Path, own_contract: str
) -> None:
    with pytest.raises(InputError, match=r"column for no field of own \(employees, seen, source\)"):
        played(tmp_path, own_contract, "lead_id,No. of Employees\na,5\n")


def test_a_time_that_sending_replaces_is_no_unknown_field(
    tmp_path: Path, own_contract: str
) -> None:
    content = "lead_id,created_at,employees,won\na,2024-01-01,5,1\n"
    assert played(tmp_path, own_contract, content).unused == ["won"]


def test_ambiguous_numbers_and_dates_are_reported_and_can_be_set(
    tmp_path: Path, own_contract: str
) -> None:
    """1.250 in a file of semicolons is a thousand; 3/4/2024 is in March."""
    content = "lead_id;employees;seen;source\na;1.250;3/4/2024;web\nb;2.500;5/6/2024;web\n"
    playlist = played(tmp_path, own_contract, content)
    assert next(iter(playlist.leads)).fields["employees"] == 1250
    number, date = playlist.remarks
    assert "leave open" in number
    assert "--decimal" in number
    assert "the month first" in date
    assert "--dates" in date
    given = played(tmp_path, own_contract, content, decimal=".", dates="day", missing=("web",))
    fields = next(iter(given.leads)).fields
    assert (fields["employees"], fields["seen"]) == (1.25, 1_712_102_400_000)


def test_columns_that_cannot_be_sent_are_reported(tmp_path: Path, own_contract: str) -> None:
    content = '{"lead_id": "a", "employees": 5, "source": "x", "seen": null, "tags": ["b"]}\n'
    remarks = played(tmp_path, own_contract, content).remarks
    assert [remark[:25] for remark in remarks] == ["column 'tags' is not sent"]


def test_shifts_come_in_where_they_are_asked_for() -> None:
    wanted = Wanted(count=10, seed=1, shifts=["industry=mining"], span=Span(start=0.5))
    industries = [lead.fields["industry"] for lead in make_playlist(wanted, STORE).leads]
    assert "mining" not in industries[:5]
    assert set(industries[5:]) == {"mining"}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(contract="bank_contact"), "give a FILE"),
        (Wanted(in_order=True), "--speed .* give a FILE"),
        (Wanted(count=0, shifts=["industry=x"], span=Span(0.5)), "give it a --count"),
        (Wanted(shifts=["nothing=1"]), "no field 'nothing'"),
    ],
)
def test_options_that_do_not_fit_the_file_are_refused(wanted: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_playlist(wanted, STORE)
