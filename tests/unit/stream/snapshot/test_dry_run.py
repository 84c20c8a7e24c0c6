"""A dry run of a snapshot names what it would read, write and remove, and makes no folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings
from stream.snapshot import dry_run as module
from stream.snapshot.dry_run import plan_snapshot
from stream.snapshot.request import Order

SETTINGS = load_settings()


def order(folder: Path, keep: int = 2) -> Order:
    return Order(
        start=datetime(2026, 5, 1, 9, tzinfo=UTC),
        end=datetime(2026, 5, 1, 10, tzinfo=UTC),
        sample=100,
        keep=keep,
        output=folder,
        workspace=folder / "workspace",
    )


@pytest.fixture(autouse=True)
def offsets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Offsets in the range, as Kafka would count them."""
    found = [7]

    async def count(*_: object) -> int:
        return found[-1]

    monkeypatch.setattr(module, "count_offsets", count)
    monkeypatch.setattr(module, "locate", lambda _: "models/bank/1")
    return found


async def test_it_creates_no_folder(tmp_path: Path) -> None:
    plan = await plan_snapshot(SETTINGS, order(tmp_path / "reports"))
    assert (plan.model, plan.offsets, plan.removed) == ("models/bank/1", 7, ())
    assert plan.report == tmp_path / "reports/drift-2026-05-01T10-00-00Z/report.html"
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(("found", "removed"), [(7, ["drift-1", "drift-2"]), (0, [])])
async def test_it_names_the_snapshots_that_would_be_removed(
    found: int, removed: list[str], offsets: list[int], tmp_path: Path
) -> None:
    offsets.append(found)
    for name in ("drift-1", "drift-2", "drift-3", "drift-2026-05-01T10-00-00Z", "workspace"):
        (tmp_path / name).mkdir()
    plan = await plan_snapshot(SETTINGS, order(tmp_path))
    assert [path.name for path in plan.removed] == removed


async def test_a_missing_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nothing: Any = None
    monkeypatch.setattr(module, "locate", lambda _: nothing)
    with pytest.raises(StartupError, match="leadscore train"):
        await plan_snapshot(SETTINGS, order(tmp_path))
