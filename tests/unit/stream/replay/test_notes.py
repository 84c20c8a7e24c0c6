"""Notes on a plan: parts of its range that a replay can not reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.replay import notes as module
from stream.replay.account import Account
from stream.replay.launch import Wanted
from stream.replay.notes import note_on_filter, notes_on, notes_on_ages, notes_on_later
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import BEGINNING, END, AtOffset, AtTime, PartitionRange, Point
from stream.settings import load_settings
from testing.archives import archive_file, record_at
from tests.unit.small_model import NAME, SmallModel
from tests.unit.stream.replay.small_plan import small_plan


def plan_of(*ranges: PartitionRange, archive: Path | None = None) -> ReplayPlan:
    return small_plan(*ranges, archive=None if archive is None else str(archive))


def notes(plan: ReplayPlan, start: Point) -> list[str]:
    return list(notes_on(plan, Wanted(start=start, end=END, model="m", topic="leads")))


def test_offsets_below_the_start_of_the_log_are_counted() -> None:
    plan = plan_of(PartitionRange(0, 5, 30, 20), PartitionRange(1, 5, 10, 20))
    [note] = notes(plan, AtOffset(5))
    assert note.startswith("note: 20 offsets of the range are not in leads any more")


def test_a_time_before_the_start_of_the_log_has_no_number() -> None:
    plan = plan_of(PartitionRange(0, 20, 30, 20), PartitionRange(1, 25, 30, 20))
    [note] = notes(plan, AtTime(0))
    assert note.startswith("note: 1 of 2 partitions are replayed from the start of leads")


@pytest.mark.parametrize("start", [BEGINNING, AtOffset(20), AtTime(0)])
def test_a_range_that_is_there_needs_no_note(start: Point) -> None:
    log_start = 0 if isinstance(start, AtTime) else 20
    assert notes(plan_of(PartitionRange(0, 20, 30, log_start)), start) == []


def test_offsets_that_an_archive_lacks_within_the_range_are_named(tmp_path: Path) -> None:
    for first in (0, 5, 20):
        records = [record_at(offset) for offset in range(first, first + 3)]
        archive_file(tmp_path, "leads", 0, records)
    plan = plan_of(PartitionRange(0, 4, 30), archive=tmp_path)
    assert notes(plan, AtOffset(4)) == [
        "note: the archive has no file of the offsets 3 to 4 of partition 0: they count as expired",
        "note: the archive has no file of the offsets 8 to 19 of partition 0: they count as"
        " expired",
    ]
    assert notes(plan_of(PartitionRange(0, 21, 23), archive=tmp_path), AtOffset(21)) == []


def test_a_model_that_reads_no_age_gives_the_scores_that_it_gave_before(model: SmallModel) -> None:
    settings = load_settings(registry=str(model.registry))
    plan = plan_of(PartitionRange(0, 0, 9)).model_copy(
        update={"model_id": NAME, "model_version": "1", "ages_at": 1_700_000_000_000}
    )
    [note] = notes_on_ages(plan, settings)
    assert f"{NAME}/1 reads the age of no date" in note
    assert not [*notes_on_ages(plan.model_copy(update={"ages_at": None}), settings)]


async def test_leads_after_the_archive_are_named_with_the_points_that_score_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of the last days left out those of the last minutes in silence."""
    archive_file(tmp_path, "leads", 0, [record_at(offset) for offset in range(3)])

    async def read_bounds(*_: object) -> tuple[PartitionRange, ...]:
        return PartitionRange(0, 1, 9), PartitionRange(1, 40, 42)

    monkeypatch.setattr(module, "read_bounds", read_bounds)
    plan, settings = plan_of(PartitionRange(0, 1, 3), archive=tmp_path), load_settings()
    wanted = Wanted(start=AtTime(5), end=END, model="m", topic="leads", archive=str(tmp_path))
    [note] = await notes_on_later(plan, settings, wanted)
    assert note.startswith("note: 8 later offsets of the range are in leads only")
    assert "--from 0/3,1/40" in note

    archive_file(tmp_path, "leads", 0, [record_at(offset) for offset in range(3, 9)])
    archive_file(tmp_path, "leads", 1, [record_at(offset) for offset in range(42)])
    assert await notes_on_later(plan, settings, wanted) == []
    assert await notes_on_later(plan_of(PartitionRange(0, 1, 3)), settings, wanted) == []


def test_a_filter_that_no_lead_passed_is_named_without_its_value() -> None:
    plan = plan_of(PartitionRange(0, 0, 9)).model_copy(update={"filters": (("age", "40"),)})
    note = note_on_filter(plan, [Account(dead_lettered=1), Account(filtered=8)])
    assert note == (
        "note: no lead has the value that --filter asks for: check the fields (age) and the values"
    )
    assert note_on_filter(plan, [Account(scored=1, filtered=8)]) is None
    assert note_on_filter(plan_of(PartitionRange(0, 0, 9)), [Account(dead_lettered=9)]) is None
