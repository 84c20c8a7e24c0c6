"""RocksDB does what every store must, and has one owner."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.outcomes.store import OutcomeStore
from schemas.errors import StartupError
from stream.outcomes.rocks_store import RocksStore, load_rocksdict, verify_store
from tests.store_conformance import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_rocksdb_conforms(
    check: Callable[[Callable[[], OutcomeStore]], None], tmp_path: Path
) -> None:
    check(lambda: RocksStore(tmp_path / "store"))


def test_a_store_has_one_owner(tmp_path: Path) -> None:
    store = RocksStore(tmp_path)
    with pytest.raises(BlockingIOError, match="open in another process"):
        RocksStore(tmp_path)
    store.close()
    RocksStore(tmp_path).close()


def test_damaged_files_are_an_error(tmp_path: Path) -> None:
    store = RocksStore(tmp_path)
    store.write({b"a": b"1"}, [])
    store.close()
    (tmp_path / "CURRENT").write_bytes(b"no manifest\n")
    with pytest.raises(OSError, match="can't be opened"):
        RocksStore(tmp_path)


def test_without_the_package_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    with pytest.raises(StartupError, match=r"install leadscore\[outcomes\]"):
        load_rocksdict()


def test_the_folder_is_checked_before_the_start(tmp_path: Path) -> None:
    verify_store(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="LEADSCORE_OUTCOME_STORE"):
        verify_store(tmp_path / "file")
