"""The second migration, on a database that has the first: grades and accounts are views."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from stream.settings import load_settings
from stream.sinks.sink import SinkBatch, SinkRecord
from stream.sinks.sql import make_sink
from testing.scored_events import scored
from testing.sink_writer import LOG
from tests.sink_conformance import written

RULES = """
[fit]
least = [70, 40, 20]
points = [{ field = "employees", at_least = 200, points = 50 }]

[account]
field = "email"
by_domain = true
"""
AT = 1_790_000_000_000
LEADS: Mapping[str, Mapping[str, object]] = {
    "a": {"employees": 900, "email": "ada@example.com"},
    "b": {"employees": 3, "email": "bob@example.com"},
    "c": {"email": "cleo@other.example"},
    "d": {"email": "dan@gmail.com"},
}
SCORES = {"a": (0.4, "Medium"), "b": (0.9, "High"), "c": (0.2, "Low"), "d": (0.7, "High")}


async def write_leads(
    folder: Path, leads: Mapping[str, Mapping[str, object]], start: int = 0
) -> None:
    (folder / "sales.toml").write_text(RULES)
    sink = make_sink(
        load_settings(
            sink="sql",
            sink_content="leads",
            sink_to=f"sqlite:///{folder}/crm.db",
            sink_sales_rules=folder / "sales.toml",
        )
    )
    await sink.open()
    records = [
        SinkRecord(start + at, AT + start + at, lead_id, {"lead_id": lead_id, **fields})
        for at, (lead_id, fields) in enumerate(leads.items())
    ]
    await written(sink, SinkBatch(LOG, records))
    await sink.close()


async def write_scores(folder: Path) -> None:
    sink = make_sink(load_settings(sink="sql", sink_to=f"sqlite:///{folder}/crm.db"))
    await sink.open()
    records = [
        SinkRecord(
            at,
            AT + at,
            lead_id,
            scored(lead_id, offset=at) | {"score": score, "category": category},
        )
        for at, (lead_id, (score, category)) in enumerate(SCORES.items())
    ]
    await written(sink, SinkBatch(LOG, records))
    await sink.close()


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(folder / "crm.db")
    found = database.execute(query).fetchall()
    database.close()
    return found


@pytest.mark.parametrize("leads_first", [True, False])
async def test_grades_and_accounts_do_not_depend_on_what_was_written_first(
    tmp_path: Path, leads_first: bool
) -> None:
    if leads_first:
        await write_leads(tmp_path, LEADS)
    await write_scores(tmp_path)
    if not leads_first:
        await write_leads(tmp_path, LEADS)
    grades = "SELECT lead_id, grade, fit_points, account, score FROM crm_lead_grades ORDER BY 1"
    assert rows(tmp_path, grades) == [
        ("a", "B", 50.0, "example.com", 0.4),
        ("b", "D", 0.0, "example.com", 0.9),
        ("c", "D", 0.0, "other.example", 0.2),
        ("d", "D", 0.0, None, 0.7),
    ]
    accounts = (
        "SELECT account, leads, hot_leads, best_score, best_lead_id, round(score_sum, 6),"
        " last_score, last_lead_id FROM crm_accounts ORDER BY 1"
    )
    assert rows(tmp_path, accounts) == [
        ("example.com", 2, 1, 0.9, "b", 1.3, 0.9, "b"),
        ("other.example", 1, 0, 0.2, "c", 0.2, 0.2, "c"),
    ]


async def test_a_lead_whose_fields_change_gets_another_grade_and_account(tmp_path: Path) -> None:
    await write_scores(tmp_path)
    await write_leads(tmp_path, LEADS)
    await write_leads(tmp_path, {"c": {"employees": 300, "email": "cleo@example.com"}}, start=10)
    assert rows(tmp_path, "SELECT grade FROM crm_lead_grades WHERE lead_id = 'c'") == [("B",)]
    assert rows(tmp_path, "SELECT account, leads FROM crm_accounts") == [("example.com", 3)]
