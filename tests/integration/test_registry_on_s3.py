"""The registry on a real S3 server: exclusive creation, by whichever process is first."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import s3fs

from model.alias_entry import Action
from model.alias_history import AliasConflictError
from model.bundle import Artefacts, Bundle, load_bundle
from model.registry import Alias, Registry
from model.storage import Folder, open_folder
from testing.made import MADE
from tests.integration.s3_server import S3, s3_server

WRITERS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with s3_server() as server:
        yield server


@pytest.fixture
def bucket(server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()  # of other servers
    name = f"models-{uuid4().hex}"
    server.files.mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def artefacts(bank_model: Bundle) -> Artefacts:
    folder = Path(bank_model.location)
    return Artefacts(*((folder / name).read_bytes() for name in ("model.onnx", "model.ubj")))


def test_only_one_of_many_creates_a_file(bucket: str) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(5):
            name = str(number)

            def create(writer: int, name: str = name) -> bool:
                return open_folder(bucket).create(name, str(writer).encode())

            created = list(pool.map(create, range(WRITERS)))
            assert sum(created) == 1
            assert open_folder(bucket).read(name) == str(created.index(True)).encode()


def test_only_one_of_many_claims_a_version(bucket: str) -> None:
    model = open_folder(bucket) / "bank"
    with ThreadPoolExecutor(WRITERS) as pool:
        claimed = list(
            pool.map(lambda _: (open_folder(bucket) / "bank").claim("1"), range(WRITERS))
        )
    assert sum(claimed) == 1
    assert model.folders() == ["1"]
    assert not model.claim("1")


def test_a_folder_of_an_earlier_release_is_not_claimed(bucket: str) -> None:
    """It has no file of a claim."""
    model: Folder = open_folder(bucket) / "bank"
    (model / "1").write("manifest.json", b"{}")
    assert not model.claim("1")


def test_a_creation_whose_answer_was_lost_is_not_a_conflict(bucket: str) -> None:
    """The client sends the request again, and is refused by its own file."""
    folder = open_folder(bucket)
    assert folder.create("1", b"ours")
    assert folder.create("1", b"ours")
    assert not folder.create("1", b"theirs")


def test_models_that_are_published_at_once_have_versions_of_their_own(
    bucket: str, artefacts: Artefacts
) -> None:
    with ThreadPoolExecutor(4) as pool:
        published = pool.map(lambda _: Registry(bucket).publish("bank", artefacts), range(4))
        assert sorted(published) == ["1", "2", "3", "4"]
    registry = Registry(bucket)
    assert registry.versions("bank") == ["1", "2", "3", "4"]
    assert load_bundle(registry.resolve("bank"), None).version == "4"


def test_only_one_of_many_changes_an_alias_and_the_others_get_an_error(
    bucket: str, artefacts: Artefacts
) -> None:
    registry = Registry(bucket)
    for _ in range(2):
        registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    seen = registry.aliases_now("bank")

    def promote(writer: int) -> str | None:
        made = replace(MADE, by=f"writer {writer}")
        try:
            Registry(bucket).change(seen, Action.SET, made, alias=Alias.PRODUCTION, to="2")
        except AliasConflictError as conflict:
            return str(conflict)
        return None

    with ThreadPoolExecutor(WRITERS) as pool:
        errors = list(pool.map(promote, range(WRITERS)))
    winner = errors.index(None)
    others = [error for error in errors if error is not None]
    assert len(others) == WRITERS - 1
    assert all(f"changed them (by writer {winner}: production 1 → 2)" in error for error in others)
    entries = registry.history("bank")
    assert [entry.by for entry in entries] == [MADE.by, f"writer {winner}"]
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}
    assert not registry.view_differs("bank")
