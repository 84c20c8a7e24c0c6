"""Outcomes of the leads of a file: which, when, and as what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError
from schemas.lead_outcome import OutcomeReader
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.simulator.outcomes import Delayed, OutcomeMaker
from stream.simulator.playing import AsRecorded, Lead, Steady
from stream.simulator.playlist import Playlist, Wanted, make_playlist

STORE = SchemaStore.load()
MINUTE = 60_000
HEADER = "lead_id,created_at,company_size,industry,won\n"
ROWS = (
    "a,2026-05-01T10:00:00Z,5,retail,Yes\n"
    "b,2026-05-01T09:00:00Z,7,retail,\n"
    "c,2026-05-01T11:00:00Z,9,software, yes \n"
    "d,2026-05-01T12:00:00Z,9,software,no\n"
)


def playlist(tmp_path: Path, **given: Any) -> Playlist:
    file = tmp_path / "leads.csv"
    file.write_text(HEADER + ROWS)
    wanted: dict[str, Any] = {"file": file, "contract": "lead_created", "outcomes": ("won", "yes")}
    return make_playlist(Wanted(**wanted | given), STORE)


def outcomes(found: Playlist) -> dict[str, object]:
    return {outcome.lead_id: outcome.fields["outcome"] for outcome in found.outcomes}


def test_a_lead_has_an_outcome_where_its_cell_has_a_value(tmp_path: Path) -> None:
    found = playlist(tmp_path)
    assert outcomes(found) == {"a": "converted", "c": "converted", "d": "lost"}
    assert found.outcome_places == [0, 2, 3]
    assert "won" not in found.unused


def test_outcomes_follow_the_order_and_the_number_of_the_leads(tmp_path: Path) -> None:
    found = playlist(tmp_path, in_order=True, count=3)
    assert [lead.lead_id for lead in found.leads] == ["b", "a", "c"]
    assert list(outcomes(found)) == ["a", "c"]
    assert found.outcome_places == [1, 2]


@pytest.mark.parametrize(
    ("given", "says"),
    [(("gone", "yes"), "no column 'gone'"), (("won", "maybe"), "won = maybe, there are no, yes")],
)
def test_a_column_or_value_that_is_not_there_is_refused(
    tmp_path: Path, given: tuple[str, str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        playlist(tmp_path, outcomes=given)


def test_synthetic_leads_have_no_outcomes() -> None:
    with pytest.raises(InputError, match="give a FILE"):
        make_playlist(Wanted(outcomes=("won", "yes")), STORE)


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_an_outcome_occurs_some_time_after_its_lead(wire: WireFormat) -> None:
    event = OutcomeMaker(wire, 5 * MINUTE)(Lead("a", 1_790_000_000_000, {"outcome": "lost"}))
    found = OutcomeReader(STORE).read(event.value, 1_790_000_900_000)
    assert (found.lead_id, found.outcome) == ("a", "lost")
    assert found.occurred_at == 1_790_000_000_000 + 5 * MINUTE
    assert (event.key, event.kind) == (b"a", "outcome")


@pytest.mark.parametrize(("created_at", "created_now"), [(None, False), (5, True)])
def test_outcomes_of_leads_that_are_created_now_occur_when_they_are_sent(
    created_at: int | None, created_now: bool
) -> None:
    make = OutcomeMaker(WireFormat.JSON, 1, created_now=created_now, now=lambda: 1_790_000_000_000)
    event = make(Lead("a", created_at, {"outcome": "lost"}))
    assert OutcomeReader(STORE).read(event.value, 0).occurred_at == 1_790_000_000_000


def test_it_is_due_after_its_own_lead() -> None:
    outcome = Lead("c", 3_600_000, {})
    assert Delayed(Steady(2.0), 30, [0, 2]).due(1, outcome) == 1 + 30
    recorded = AsRecorded(60.0)
    assert recorded.due(0, Lead("a", 0, {})) == 0
    assert Delayed(recorded, 5, [1]).due(0, outcome) == 60 + 5
