"""Folders in a store: what is missing is none, what cannot be reached is an error that says so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from model.fsspec_folder import FsspecFolder, reaching
from model.metadata import UnavailableError


@pytest.fixture
def folder() -> Iterator[FsspecFolder]:
    name = uuid4().hex
    yield FsspecFolder(f"memory://{name}")
    FsspecFolder("memory://").remove(name)


class AwayStore:
    """A store that answers nothing."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise ConnectionError("no route to host")

        return fail


def test_a_slash_at_the_end_of_a_location_makes_no_difference() -> None:
    assert FsspecFolder("memory://models/").location == "memory://models"
    assert (FsspecFolder("memory://models/") / "bank").location == "memory://models/bank"


def test_a_hash_is_that_of_the_whole_file_with_its_size(folder: FsspecFolder) -> None:
    content = bytes(range(256)) * 5000
    folder.write("model", content)
    assert folder.read("model", 4) == content[:4]
    assert folder.sha256("model") == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    "ask",
    [
        lambda folder: folder.read("model"),
        lambda folder: folder.sha256("model"),
        lambda folder: folder.holds("model"),
        lambda folder: folder.written_at("model"),
        lambda folder: folder.folders(),
        lambda folder: folder.claim("1"),
        lambda folder: folder.write("model", b""),
    ],
    ids=["read", "sha256", "holds", "written_at", "folders", "claim", "write"],
)
def test_a_store_that_cannot_be_reached_is_an_error_and_not_empty(ask: Any) -> None:
    folder = FsspecFolder("memory://models")
    folder._files = AwayStore()
    with pytest.raises(UnavailableError, match=r"ConnectionError: no route to host\): check the"):
        ask(folder)


def test_expected_exceptions_pass_and_others_name_the_path() -> None:
    with pytest.raises(FileNotFoundError), reaching("s3://models", FileNotFoundError):
        raise FileNotFoundError
    with (
        pytest.raises(UnavailableError, match="s3://models can't be read or written"),
        reaching("s3://models", FileNotFoundError),
    ):
        raise PermissionError
