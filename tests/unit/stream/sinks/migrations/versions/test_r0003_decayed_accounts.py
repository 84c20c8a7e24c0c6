"""The third migration: scores of an account's leads that lose weight by the times of the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.settings import load_settings
from stream.sinks.sink import SinkBatch, SinkRecord
from stream.sinks.sql import make_sink
from testing.scored_events import scored
from testing.sink_writer import LOG
from tests.sink_conformance import written

AT, DAY_MS = 1_790_000_000_000, 86_400_000
HALF_LIFE = 10.0
Lead = tuple[str, str, float, float]
"""Id, account, score, and day of its last record."""


async def write(folder: Path, leads: Sequence[Lead], half_life: float | None = HALF_LIFE) -> None:
    decays = "" if half_life is None else f"half_life_days = {half_life}\n"
    (folder / "sales.toml").write_text(f'[account]\nfield = "company"\n{decays}')
    database = f"sqlite:///{folder}/crm.db"
    given = [
        load_settings(sink="sql", sink_to=database),
        load_settings(
            sink="sql",
            sink_to=database,
            sink_content="leads",
            sink_sales_rules=folder / "sales.toml",
        ),
    ]
    records = [
        [
            # Scored again much later, as by a replay: that is no event of the lead.
            SinkRecord(at, AT, lead, scored(lead, offset=at) | {"score": score, "scored_at": AT})
            for at, (lead, _, score, _) in enumerate(leads)
        ],
        [
            SinkRecord(at, AT + int(day * DAY_MS), lead, {"lead_id": lead, "company": account})
            for at, (lead, account, _, day) in enumerate(leads)
        ],
    ]
    for options, some in zip(given, records, strict=True):
        sink = make_sink(options)
        await sink.open()
        await written(sink, SinkBatch(LOG, some))
        await sink.close()


def accounts(folder: Path, view: str = "crm_accounts_decayed") -> dict[str, Mapping[str, object]]:
    database = sqlite3.connect(folder / "crm.db")
    database.row_factory = sqlite3.Row
    rows = database.execute(f"SELECT * FROM {view}").fetchall()
    database.close()
    return {str(row["account"]): dict(row) for row in rows}


async def test_an_older_lead_counts_half_after_a_half_life(tmp_path: Path) -> None:
    await write(tmp_path, [("a", "x", 0.9, 0), ("b", "x", 0.6, 10), ("c", "y", 0.3, 400)])
    assert accounts(tmp_path) == {
        "x": {
            "account": "x",
            "leads": 2,
            "best_score": pytest.approx(0.6),
            "best_lead_id": "b",
            "score_sum": pytest.approx(0.6 + 0.45),
            "last_event_at": "2026-10-01 14:13:20.000000",
            "half_life_days": 10,
        },
        "y": {
            "account": "y",
            "leads": 1,
            "best_score": pytest.approx(0.3),
            "best_lead_id": "c",
            "score_sum": pytest.approx(0.3),
            "last_event_at": "2027-10-26 14:13:20.000000",
            "half_life_days": 10,
        },
    }


async def test_another_event_ages_the_other_leads_of_its_account(tmp_path: Path) -> None:
    leads: list[Lead] = [("a", "x", 0.8, 0), ("b", "x", 0.2, 0)]
    await write(tmp_path, leads)
    assert accounts(tmp_path)["x"]["score_sum"] == pytest.approx(1.0)
    await write(tmp_path, [*leads, ("b", "x", 0.2, 20)])
    assert accounts(tmp_path)["x"]["score_sum"] == pytest.approx(0.8 / 4 + 0.2)


async def test_without_a_half_life_nothing_decays(tmp_path: Path) -> None:
    await write(tmp_path, [("a", "x", 0.9, 0), ("b", "x", 0.6, 10)], half_life=None)
    assert accounts(tmp_path) == {}
    assert accounts(tmp_path, "crm_accounts")["x"]["score_sum"] == pytest.approx(1.5)


async def test_a_lead_older_than_a_hundred_half_lives_counts_nothing(tmp_path: Path) -> None:
    await write(tmp_path, [("a", "x", 0.9, 0), ("b", "x", 0.6, 3000)])
    assert accounts(tmp_path)["x"]["score_sum"] == 0.6


@settings(max_examples=20, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from("xy"),
            st.floats(0, 1, allow_subnormal=False),
            st.floats(0, 300),
        ),
        min_size=1,
        max_size=6,
    )
)
async def test_it_is_what_the_times_of_the_records_say(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("crm")
    leads = [(f"lead-{at}", *each) for at, each in enumerate(drawn)]
    await write(folder, leads)
    found = accounts(folder)
    for account in {account for _, account, _, _ in leads}:
        own = [(score, day) for _, its, score, day in leads if its == account]
        last = max(day for _, day in own)
        weighted = [score * 0.5 ** ((last - day) / HALF_LIFE) for score, day in own]
        # Times are whole milliseconds, and SQLite's days are exact to some of them.
        assert found[account]["score_sum"] == pytest.approx(sum(weighted), rel=1e-6, abs=1e-12)
        assert found[account]["best_score"] == pytest.approx(max(weighted), rel=1e-6, abs=1e-12)
