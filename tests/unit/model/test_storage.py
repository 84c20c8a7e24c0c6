"""Conformance tests of bundle stores: a disk, and memory, which stands for object stores."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from model.disk_folder import DiskFolder
from model.fsspec_folder import FsspecFolder
from model.metadata import UnavailableError
from model.storage import Folder, open_folder


@dataclass(frozen=True)
class Case:
    """A folder in a store, and whether of several threads at once only one can take a name.

    S3 is in the integration ring.
    """

    open: Callable[[], Folder]
    is_exclusive: bool


@pytest.fixture(params=["disk", "memory"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "disk":
        yield Case(lambda: open_folder(f"{tmp_path}/models"), is_exclusive=True)
        return
    name = uuid4().hex
    yield Case(lambda: open_folder(f"memory://{name}"), is_exclusive=False)
    open_folder("memory://").remove(name)


@pytest.fixture
def folder(case: Case) -> Folder:
    found = case.open()
    assert found.claim("bank")
    return found / "bank"


def test_a_path_is_on_the_disk_and_a_url_is_what_it_says(tmp_path: Path) -> None:
    for location in (str(tmp_path), "models", f"file://{tmp_path}"):
        assert type(open_folder(location)) is DiskFolder
    assert type(open_folder("memory://models")) is FsspecFolder


def test_a_protocol_without_a_package_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="nowhere://models can't be read or written"):
        open_folder("nowhere://models")


def test_its_location_opens_it_again(folder: Folder) -> None:
    folder.write("notes", b"a")
    assert open_folder(folder.location).read("notes") == b"a"


def test_a_folder_that_is_not_there_holds_nothing(case: Case) -> None:
    missing = case.open() / "other"
    assert missing.read("notes") is None
    assert missing.sha256("notes") is None
    assert not missing.holds("notes")
    assert missing.written_at("notes") is None
    assert missing.folders() == []
    assert missing.files() == []
    missing.remove("notes")


def test_a_written_file_is_read_back(folder: Folder) -> None:
    before = time.time()
    folder.write("model", bytes(range(256)))
    assert folder.read("model") == bytes(range(256))
    assert folder.read("model", 3) == b"\0\1\2"
    assert folder.read("model", 999) == bytes(range(256))
    assert folder.sha256("model") == (256, hashlib.sha256(bytes(range(256))).hexdigest())
    assert folder.holds("model")
    assert before - 5 < (folder.written_at("model") or 0) < time.time() + 5


def test_an_empty_file_is_a_file(folder: Folder) -> None:
    folder.write("empty", b"")
    assert folder.holds("empty")
    assert folder.read("empty") == b""
    assert folder.sha256("empty") == (0, hashlib.sha256(b"").hexdigest())


def test_a_file_that_is_written_again_is_replaced(folder: Folder) -> None:
    folder.write("aliases", b"a long one")
    folder.write("aliases", b"short")
    assert folder.read("aliases") == b"short"


def test_a_reader_never_sees_a_part_of_a_file(folder: Folder) -> None:
    contents = [bytes([n]) * 50_000 for n in range(2)]
    folder.write("aliases", contents[0])

    def write_often() -> None:
        for n in range(100):
            folder.write("aliases", contents[n % 2])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_often)
        while not writing.done():
            assert folder.read("aliases") in contents
        writing.result()


def test_files_and_folders_are_distinguished(folder: Folder) -> None:
    folder.write("file", b"a")
    for name in ("2", "10"):
        assert folder.claim(name)
        (folder / name).write("model", b"a")
    assert folder.folders() == ["10", "2"]
    assert not folder.holds("2")
    assert folder.holds("file")


def test_a_name_is_claimed_once(folder: Folder) -> None:
    assert folder.claim("1")
    (folder / "1").write("model", b"a")
    assert not folder.claim("1")
    assert (folder / "1").read("model") == b"a"


def test_where_claims_are_exclusive_one_of_many_at_once_succeeds(case: Case) -> None:
    if not case.is_exclusive:
        return
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            taken = pool.map(lambda _, n=number: case.open().claim(str(n)), range(8))
            assert sum(taken) == 1


def test_a_file_is_created_once(case: Case) -> None:
    """With the folders above it."""
    folder = case.open() / "bank" / "history"
    assert folder.create("1", b"first")
    assert not folder.create("1", b"second")
    assert folder.read("1") == b"first"


def test_where_creation_is_exclusive_one_of_many_at_once_succeeds(case: Case) -> None:
    if not case.is_exclusive:
        return
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            file = str(number)
            created = pool.map(
                lambda n, file=file: case.open().create(file, str(n).encode() * 1000), range(8)
            )
            winner = list(created).index(True)
            assert case.open().read(file) == str(winner).encode() * 1000
    assert len(case.open().files()) == 20, "no temporary file is left"


def test_files_are_listed_without_folders(case: Case) -> None:
    folder = case.open() / "bank"
    assert folder.files() == []
    folder.create("a", b"")
    folder.write("b", b"")
    folder.claim("1")
    (folder / "1").write("model", b"a")
    assert folder.files() == ["a", "b"]


def test_a_removed_folder_is_gone_and_the_others_stay(folder: Folder) -> None:
    for name in ("1", "2"):
        folder.claim(name)
        (folder / name).write("model", b"a")
    folder.remove("1")
    folder.remove("1")
    assert folder.folders() == ["2"]
    assert (folder / "1").read("model") is None
    assert folder.claim("1")
