from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from model.bundle import Artefacts
from model.registry import Alias, Registry
from testing.made import MADE
from tests.unit.stream.cli.conftest import Run


@pytest.fixture
def registry(tmp_path: Path, artefacts: Artefacts) -> Registry:
    """Version 2 is in production from 13:00 to 15:00 on 3 May, then 3."""
    registry = Registry(tmp_path / "models")
    for _ in range(3):
        registry.publish("bank", artefacts)
    day = MADE.at.replace(minute=0)
    for version, hour in (("1", 9), ("2", 13), ("3", 15)):
        made = replace(MADE, by="anna", at=day.replace(hour=hour), why=f"version {version}")
        registry.set_alias("bank", Alias.PRODUCTION, version, made)
    return registry


def test_history_lists_who_when_why_from_and_to(leadscore: Run) -> None:
    lines = leadscore("history", "bank").output.splitlines()
    assert lines[0].split() == ["entry", "when", "(UTC)", "by", "change", "why"]
    assert "2026-05-03 13:00:00" in lines[2]
    assert "anna" in lines[2]
    assert "production 1 → 2" in lines[2]


def test_json_of_the_history_has_each_entry(leadscore: Run) -> None:
    lines = [
        json.loads(line) for line in leadscore("history", "bank", "--json").output.splitlines()
    ]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert {key: lines[1][key] for key in ("model", "alias", "from", "to", "by", "at")} == {
        "model": "bank",
        "alias": "production",
        "from": "1",
        "to": "2",
        "by": "anna",
        "at": "2026-05-03T13:00:00Z",
    }


def test_a_model_without_changes_says_so(
    leadscore: Run, registry: Registry, artefacts: Artefacts
) -> None:
    registry.publish("other", artefacts)
    result = leadscore("history", "other")
    assert (result.exit_code, result.output) == (0, "No change of other is recorded yet.\n")
    assert leadscore("history", "nobody").exit_code == 2


def test_a_damaged_history_ends_with_1(leadscore: Run, tmp_path: Path) -> None:
    entry = tmp_path / "models/bank/history/00000002.json"
    entry.write_bytes(entry.read_bytes().replace(b"anna", b"bert"))
    result = leadscore("history", "bank")
    assert result.exit_code == 1
    assert "00000002.json was changed after it was written" in result.output
    assert leadscore("at", "2026-05-03T14:03").exit_code == 1


def test_a_later_write_by_an_earlier_release_is_a_warning(leadscore: Run, tmp_path: Path) -> None:
    (tmp_path / "models/bank/aliases.json").write_text('{"production": "1"}')
    assert "aliases.json" in leadscore("history", "bank").stderr


@pytest.mark.parametrize(
    ("moment", "version"),
    [
        ("2026-05-03T14:03", "2"),
        ("2026-05-03T14:03+02:00", "1"),
        ("2026-05-03T15:00", "3"),
        ("1s", "3"),
    ],
)
def test_at_says_what_ran_then(leadscore: Run, moment: str, version: str) -> None:
    [line] = leadscore("at", moment, "bank", "--json").output.splitlines()
    row = json.loads(line)
    assert (row["alias"], row["version"], row["by"]) == ("production", version, "anna")
    assert row["why"] == f"version {version}"


def test_at_shows_since_when(leadscore: Run) -> None:
    line = leadscore("at", "2026-05-03T14:03").output.splitlines()[1]
    assert line.split()[:5] == ["bank", "production", "2", "2026-05-03", "13:00:00"]


def test_before_the_history_the_newest_version_then_is_shown(leadscore: Run) -> None:
    """The files are newer than that: nothing was there."""
    [line] = leadscore("at", "2026-05-03T08:00", "--json").output.splitlines()
    row = json.loads(line)
    assert (row["alias"], row["version"]) == (None, None)
    assert row["note"] == "before the history (2026-05-03 09:00:00)"


def test_without_production_the_newest_version_then_is_shown(
    leadscore: Run, registry: Registry
) -> None:
    made = replace(MADE, at=MADE.at + timedelta(hours=3))
    registry.remove_alias("bank", Alias.PRODUCTION, made)
    registry.set_alias("bank", Alias.STAGING, "1", made)
    an_hour_ago = time.time() - 3600
    for manifest in Path(registry.root).rglob("manifest.json"):
        os.utime(manifest, (an_hour_ago, an_hour_ago))
    rows = [json.loads(line) for line in leadscore("at", "1m", "--json").output.splitlines()]
    assert [(row["alias"], row["version"]) for row in rows] == [("staging", "1"), (None, "3")]


def test_aliases_of_an_earlier_release_are_shown_as_they_are_now(
    leadscore: Run, registry: Registry, artefacts: Artefacts, tmp_path: Path
) -> None:
    registry.publish("other", artefacts)
    (tmp_path / "models/other/aliases.json").write_text('{"production": "1"}')
    [line] = leadscore("at", "1s", "other", "--json").output.splitlines()
    row = json.loads(line)
    assert (row["version"], row["note"]) == ("1", "as it is now: no change is recorded")
    assert leadscore("at", "1s", "nobody").exit_code == 2


def test_a_time_in_the_future_is_a_warning(leadscore: Run) -> None:
    future = leadscore("at", "9999-12-31", "bank")
    assert future.exit_code == 0
    assert "is in the future" in future.stderr
    assert leadscore("at", "2026-05-03T14:03", "bank").stderr == ""


def test_a_time_that_is_none_is_refused(leadscore: Run) -> None:
    assert leadscore("at", "yesterday").exit_code == 2
