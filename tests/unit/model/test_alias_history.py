from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from model.alias import Alias
from model.alias_entry import Action, AliasEntry, next_entry
from model.alias_history import AliasConflictError, AliasHistory
from model.disk_folder import DiskFolder
from model.metadata import BundleIncompleteError
from model.storage import Folder, open_folder
from testing.made import MADE

COUNT = 5


@pytest.fixture(params=["disk", "memory"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    if request.param == "disk":
        yield open_folder(f"{tmp_path}/models/bank")
        return
    name = uuid4().hex
    yield open_folder(f"memory://{name}/bank")
    open_folder("memory://").remove(name)


def following(last: AliasEntry | None, by: str = "anna") -> AliasEntry:
    to = "2" if last is not None and last.to == "1" else "1"
    made = replace(MADE, by=by)
    return next_entry(last, Action.SET, made, alias=Alias.PRODUCTION, to=to)


def filled(model: Folder, count: int = COUNT) -> list[AliasEntry]:
    history, entries = AliasHistory(model), list[AliasEntry]()
    for _ in range(count):
        entries.append(following(entries[-1] if entries else None))
        history.append(entries[-1])
    return entries


def test_a_model_without_history_has_no_entry(model: Folder) -> None:
    assert AliasHistory(model).last() is None
    assert AliasHistory(model).entries() == ()


def test_entries_are_read_in_their_order(model: Folder) -> None:
    entries = filled(model)
    assert AliasHistory(model).last() == entries[-1]
    assert AliasHistory(model).entries() == tuple(entries)


def test_an_entry_is_a_file_of_its_own_that_nobody_replaces(model: Folder) -> None:
    filled(model, 2)
    before = (model / "history").read("00000001.json")
    last = AliasHistory(model).last()
    AliasHistory(model).append(following(last))
    assert (model / "history").read("00000001.json") == before
    assert (model / "history").files() == [
        *("00000001.json", "00000002.json", "00000003.json"),
        "latest",
    ]


def test_the_second_of_two_writers_gets_an_error_and_may_try_again(model: Folder) -> None:
    [first] = filled(model, 1)
    AliasHistory(model).append(following(first, by="anna"))
    with pytest.raises(AliasConflictError, match=r"by anna: production 1 → 2.*run the command"):
        AliasHistory(model).append(following(first, by="bert"))
    again = following(AliasHistory(model).last(), by="bert")
    AliasHistory(model).append(again)
    assert AliasHistory(model).last() == again


def test_only_one_of_many_writers_at_once_wins(tmp_path: Path) -> None:
    model = open_folder(f"{tmp_path}/bank")
    [last] = filled(model, 1)

    def write(writer: int, last: AliasEntry) -> bool:
        try:
            AliasHistory(open_folder(model.location)).append(following(last, by=f"writer {writer}"))
        except AliasConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            won = list(pool.map(write, range(8), [last] * 8))
            assert sum(won) == 1
            winner = AliasHistory(model).last()
            assert winner is not None
            last = winner
            assert last.by == f"writer {won.index(True)}"
    assert len(AliasHistory(model).entries()) == 21


def test_a_reader_looks_beyond_what_latest_says(model: Folder) -> None:
    """A writer was killed before it wrote the file, or a slower one has written it last."""
    entries = filled(model)
    (model / "history").write("latest", b"2\n")
    assert AliasHistory(model).last() == entries[-1]


@pytest.mark.parametrize("content", [b"", b"0\n", b"x\n", b"3", b"123456789\n"])
def test_without_a_readable_latest_the_folder_is_listed(model: Folder, content: bytes) -> None:
    entries = filled(model)
    (model / "history").write("latest", content)
    assert AliasHistory(model).last() == entries[-1]


Damage = Callable[[Folder], None]
DAMAGES: dict[str, Damage] = {
    "cut": lambda h: h.write("00000005.json", (h.read("00000005.json") or b"")[:50]),
    "empty": lambda h: h.write("00000005.json", b""),
    "another entry's": lambda h: h.write("00000005.json", h.read("00000003.json") or b""),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_last_entry_is_incomplete_and_not_skipped(model: Folder, damage: Damage) -> None:
    filled(model)
    damage(model / "history")
    with pytest.raises(BundleIncompleteError):
        AliasHistory(model).last()


def copied(model: Folder, without: str, target: str) -> Folder:
    """Copy a history without one of its files."""
    other = open_folder(target)
    history = model / "history"
    for name in history.files():
        if name != without:
            (other / "history").create(name, history.read(name) or b"")
    return other


def test_a_last_entry_that_is_not_copied_yet_is_incomplete(tmp_path: Path) -> None:
    model = open_folder(f"{tmp_path}/bank")
    filled(model)
    other = copied(model, "00000005.json", f"{tmp_path}/copy")
    with pytest.raises(BundleIncompleteError, match="should have entry 5"):
        AliasHistory(other).last()


@pytest.mark.parametrize("missing", [1, 3])
def test_a_gap_is_incomplete_for_who_reads_the_whole_history(tmp_path: Path, missing: int) -> None:
    model = open_folder(f"{tmp_path}/bank")
    filled(model)
    other = copied(model, f"0000000{missing}.json", f"{tmp_path}/copy")
    assert AliasHistory(other).last().number == COUNT, "the last one holds the state"
    with pytest.raises(BundleIncompleteError, match=f"should have entry {missing}"):
        AliasHistory(other).entries()


def test_a_replaced_entry_is_found(model: Folder) -> None:
    entries = filled(model)
    forged = entries[1].model_copy(update={"aliases": {Alias.PRODUCTION: "7"}})
    (model / "history").write("00000002.json", forged.to_bytes())
    with pytest.raises(BundleIncompleteError, match=r"Entry 2 .* should follow"):
        AliasHistory(model).entries()


def test_a_poll_reads_three_small_files_and_lists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many entries there are."""
    model = open_folder(f"{tmp_path}/bank")
    filled(model, 50)
    asked: list[str] = []
    read = DiskFolder.read

    def counted(folder: Any, name: str, most: int | None = None) -> bytes | None:
        asked.append(name)
        return read(folder, name, most)

    monkeypatch.setattr(DiskFolder, "read", counted)
    monkeypatch.setattr(DiskFolder, "files", lambda _: pytest.fail("listed the folder"))
    assert AliasHistory(model).last().number == 50
    assert asked == ["latest", "00000050.json", "00000051.json"]
