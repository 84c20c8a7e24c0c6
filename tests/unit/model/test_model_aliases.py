from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.alias import Alias
from model.alias_entry import Action
from model.alias_history import AliasConflictError
from model.disk_folder import DiskFolder
from model.metadata import BundleIncompleteError
from model.model_aliases import ModelAliases
from schemas.errors import InputError
from testing.made import MADE

PRODUCTION, STAGING = Alias.PRODUCTION, Alias.STAGING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bank").mkdir()
    return tmp_path / "bank"


@pytest.fixture
def aliases(folder: Path) -> ModelAliases:
    return ModelAliases(DiskFolder(str(folder)), "bank")


def set_to(aliases: ModelAliases, version: str, alias: Alias = PRODUCTION) -> None:
    aliases.change(aliases.now(), Action.SET, MADE, alias=alias, to=version)


def view(folder: Path) -> object:
    return json.loads((folder / "aliases.json").read_text())


def test_the_aliases_of_an_earlier_release_are_read_and_nothing_is_written(
    aliases: ModelAliases, folder: Path
) -> None:
    (folder / "aliases.json").write_text('{"production": "3", "canary": "2"}')
    assert aliases.now().aliases == {PRODUCTION: "3", Alias.CANARY: "2"}
    assert aliases.history() == ()
    assert not aliases.view_differs()
    assert [path.name for path in folder.iterdir()] == ["aliases.json"]


def test_the_first_change_takes_them_over_as_the_start_of_the_history(
    aliases: ModelAliases, folder: Path
) -> None:
    (folder / "aliases.json").write_text('{"production": "3", "canary": "2"}')
    set_to(aliases, "4")
    start, change = aliases.history()
    assert (start.action, start.aliases) == (Action.START, {PRODUCTION: "3", Alias.CANARY: "2"})
    assert (change.was, change.to) == ("3", "4")
    assert aliases.now().aliases == {PRODUCTION: "4", Alias.CANARY: "2"}
    assert aliases.version_before(PRODUCTION) == "3"


def test_the_first_change_of_a_new_model_is_the_first_entry(aliases: ModelAliases) -> None:
    set_to(aliases, "1")
    [entry] = aliases.history()
    assert (entry.number, entry.action, entry.was, entry.to) == (1, Action.SET, None, "1")


def test_workers_of_earlier_releases_find_each_change_in_their_file(
    aliases: ModelAliases, folder: Path
) -> None:
    """They read aliases.json alone, and refuse it if it has anything else in it."""
    set_to(aliases, "1")
    set_to(aliases, "2", STAGING)
    aliases.change(aliases.now(), Action.ARCHIVE, MADE, alias=None, to="7")
    assert view(folder) == {"production": "1", "staging": "2"}
    aliases.change(aliases.now(), Action.REMOVE, MADE, alias=STAGING, to=None)
    assert view(folder) == {"production": "1"}


@pytest.mark.parametrize("content", ['{"production": "9"}', '{"produc', None])
def test_a_later_write_by_an_earlier_release_has_no_effect_and_is_reported(
    aliases: ModelAliases, folder: Path, content: str | None
) -> None:
    set_to(aliases, "1")
    assert not aliases.view_differs()
    if content is None:
        (folder / "aliases.json").unlink()
    else:
        (folder / "aliases.json").write_text(content)
    assert aliases.now().aliases == {PRODUCTION: "1"}
    assert aliases.view_differs()
    set_to(aliases, "1")
    assert not aliases.view_differs(), "written again, though nothing was to change"
    assert len(aliases.history()) == 1


def test_a_change_that_was_interrupted_before_the_file_is_completed_by_the_same_command(
    aliases: ModelAliases, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(aliases, "1")
    with monkeypatch.context() as patch:
        patch.setattr(
            ModelAliases, "_write_view", lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            set_to(aliases, "2")
    assert aliases.now().aliases == {PRODUCTION: "2"}
    assert view(folder) == {"production": "1"}
    set_to(aliases, "2")
    assert view(folder) == {"production": "2"}


def test_a_change_that_was_decided_on_older_aliases_is_refused(aliases: ModelAliases) -> None:
    set_to(aliases, "1")
    seen = aliases.now()
    set_to(aliases, "2")
    with pytest.raises(AliasConflictError, match="production 1 → 2"):
        aliases.change(seen, Action.SET, MADE, alias=PRODUCTION, to="3")
    assert aliases.now().aliases == {PRODUCTION: "2"}


def test_two_that_take_over_the_same_file_do_not_both_succeed(
    aliases: ModelAliases, folder: Path
) -> None:
    (folder / "aliases.json").write_text('{"production": "3"}')
    seen = aliases.now()
    set_to(aliases, "4")
    with pytest.raises(AliasConflictError):
        aliases.change(seen, Action.SET, MADE, alias=PRODUCTION, to="5")


def test_the_slower_of_two_writers_leaves_the_newer_aliases_in_the_file(
    aliases: ModelAliases, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = DiskFolder.write
    is_overtaken = False

    def overtaken(self: DiskFolder, name: str, content: bytes) -> None:
        nonlocal is_overtaken
        if name == "aliases.json" and not is_overtaken:
            is_overtaken = True
            set_to(aliases, "2")
        write(self, name, content)

    monkeypatch.setattr(DiskFolder, "write", overtaken)
    set_to(aliases, "1")
    assert view(folder) == {"production": "2"}


def test_a_version_with_an_alias_is_not_archived(aliases: ModelAliases) -> None:
    set_to(aliases, "1")
    with pytest.raises(InputError, match="is production: set another version"):
        aliases.change(aliases.now(), Action.ARCHIVE, MADE, alias=None, to="1")


def test_an_archived_version_gets_no_alias_until_it_is_restored(aliases: ModelAliases) -> None:
    aliases.change(aliases.now(), Action.ARCHIVE, MADE, alias=None, to="2")
    assert aliases.now().archived == ("2",)
    with pytest.raises(InputError, match="models archive bank 2 --restore"):
        set_to(aliases, "2")
    aliases.change(aliases.now(), Action.RESTORE, MADE, alias=None, to="2")
    set_to(aliases, "2")
    assert aliases.now().archived == ()


def test_a_rollback_without_an_earlier_version_says_so(aliases: ModelAliases) -> None:
    set_to(aliases, "1")
    with pytest.raises(InputError, match="an earlier version of 'production', but it has none"):
        aliases.version_before(PRODUCTION)


def test_a_damaged_file_of_an_earlier_release_is_incomplete(
    aliases: ModelAliases, folder: Path
) -> None:
    (folder / "aliases.json").write_text('{"production": ')
    with pytest.raises(BundleIncompleteError, match=r"aliases\.json should be a JSON object"):
        aliases.now()
