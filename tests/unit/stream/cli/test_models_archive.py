from __future__ import annotations

import json

from model.registry import Alias, Registry
from testing.made import MADE
from tests.unit.stream.cli.conftest import Run


def test_an_archived_version_is_marked_and_gets_no_alias(
    leadscore: Run, registry: Registry
) -> None:
    done = leadscore("archive", "bank", "1", "--by", "anna", "--why", "wrong target")
    assert done.output == "bank/1 is archived.\n"
    assert "(archived)" in leadscore("list").output.splitlines()[1]
    refused = leadscore("promote", "bank", "1")
    assert refused.exit_code == 2
    assert "leadscore models archive bank 1 --restore" in refused.output
    assert registry.history("bank")[0].summary == "archived 1"


def test_a_restored_version_can_be_promoted(leadscore: Run, registry: Registry) -> None:
    leadscore("archive", "bank", "1")
    assert leadscore("archive", "bank", "1", "--restore").output == "bank/1 is in use again.\n"
    assert leadscore("archive", "bank", "1", "--restore").output == "bank/1 is in use.\n"
    assert leadscore("promote", "bank", "1").exit_code == 0


def test_a_version_that_workers_may_use_is_not_archived(leadscore: Run, registry: Registry) -> None:
    newest = leadscore("archive", "bank", "3")
    assert newest.exit_code == 2
    assert "they load it as the newest" in newest.output
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    assert leadscore("archive", "bank", "3").exit_code == 0
    assert leadscore("archive", "bank", "1").exit_code == 2


def test_a_dry_run_archives_nothing(leadscore: Run, registry: Registry) -> None:
    result = leadscore("archive", "bank", "1", "--dry-run", "--json")
    assert json.loads(result.output) == {"model": "bank", "version": "1"} | {
        "is_archived": True,
        "is_dry_run": True,
        "number": None,
    }
    assert registry.history("bank") == ()


def test_a_version_that_is_not_there_ends_with_2(leadscore: Run) -> None:
    assert leadscore("archive", "bank", "9").exit_code == 2
    assert leadscore("archive", "other", "1").exit_code == 2
