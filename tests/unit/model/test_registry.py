import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from model.alias_entry import Action
from model.bundle import Artefacts, BundleError, load_bundle
from model.disk_folder import DiskFolder
from model.registry import Alias, ModelNotFoundError, Registry
from model.storage import open_folder
from schemas.errors import InputError
from testing.made import MADE


@pytest.fixture(params=["folder", "store"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """On a disk, and in a store that has no rename: memory stands for object stores."""
    if request.param == "folder":
        yield Registry(tmp_path / "models")
        return
    root = f"memory://{uuid4().hex}"
    yield Registry(root)
    open_folder("memory://").remove(root.removeprefix("memory://"))


def test_versions_are_numbered_from_one(registry: Any, artefacts: Artefacts) -> None:
    assert [registry.publish("bank", artefacts) for _ in range(11)] == [
        str(number) for number in range(1, 12)
    ]
    assert registry.versions("bank") == [str(number) for number in range(1, 12)]
    assert registry.names() == ["bank"]


def test_a_published_model_loads(registry: Any, artefacts: Artefacts) -> None:
    registry.publish("bank", artefacts)
    bundle = load_bundle(registry.resolve("bank/1"), None)
    assert (bundle.name, bundle.version) == ("bank", "1")


def test_an_empty_registry_has_nothing(registry: Any) -> None:
    assert registry.names() == []
    assert registry.versions("bank") == []
    assert registry.aliases("bank") == {}
    with pytest.raises(ModelNotFoundError, match=r"'bank', but it has none.*leadscore train"):
        registry.resolve("bank")


def test_a_name_is_its_newest_version_until_one_is_in_production(
    registry: Any, artefacts: Artefacts
) -> None:
    for _ in range(3):
        registry.publish("bank", artefacts)
    assert registry.resolve("bank").endswith("bank/3")
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    assert registry.resolve("bank").endswith("bank/2")
    assert registry.resolve("bank@production").endswith("bank/2")
    assert registry.resolve("bank/3").endswith("bank/3")


def test_an_alias_moves_and_leaves_the_others(registry: Any, artefacts: Artefacts) -> None:
    for _ in range(2):
        registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.STAGING, "2", MADE)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    assert registry.aliases("bank") == {Alias.STAGING: "2", Alias.PRODUCTION: "2"}


@pytest.mark.parametrize("version", ["2", "0", "01", "-1", "x", "", "../bank/1"])
def test_an_alias_of_no_version_is_refused(
    registry: Any, artefacts: Artefacts, version: str
) -> None:
    registry.publish("bank", artefacts)
    with pytest.raises(ModelNotFoundError, match="it has bank: 1"):
        registry.set_alias("bank", Alias.PRODUCTION, version, MADE)
    assert registry.aliases("bank") == {}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("other", "'other', but it has bank: 1"),
        ("bank/7", "'bank/7', but it has bank: 1"),
        ("other/1", "'other/1', but it has bank: 1"),
        ("/no/such/folder", "path of a bundle's folder"),
        ("bank@staging", "the alias 'staging', but it has: production"),
        ("bank@nonsense", "the alias 'nonsense'"),
        ("other@production", "the alias 'production', but it has: none"),
        ("", "'', but it has bank: 1"),
        ("..", "'..', but it has"),
        ("@", "'@', but it has"),
    ],
)
def test_a_missing_model_is_named_with_those_that_exist(
    registry: Any, artefacts: Artefacts, reference: str, message: str
) -> None:
    registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    with pytest.raises(ModelNotFoundError, match=message):
        registry.resolve(reference)


def test_the_path_of_a_bundle_is_a_reference_too(tmp_path: Path, artefacts: Artefacts) -> None:
    Registry(tmp_path / "elsewhere").publish("shop", artefacts)
    path = str(tmp_path / "elsewhere" / "shop" / "1")
    assert Registry(tmp_path / "models").resolve(path) == path
    assert load_bundle(path, None).name == "shop"


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b'{"best": "1"}', b'{"production": 1.5}', b'{"production": "../x"}'),
        b"[" * 100_000,
    ],
    ids=["none", "cut", "a list", "no alias", "no text", "no version", "as deep as Python"],
)
def test_broken_aliases_are_refused_with_what_to_do(
    registry: Any, artefacts: Artefacts, content: Any
) -> None:
    registry.publish("bank", artefacts)
    (open_folder(registry.root) / "bank").write("aliases.json", content)
    with pytest.raises(BundleError, match=r"leadscore models alias"):
        registry.aliases("bank")


@pytest.mark.parametrize("name", ["", "a b", "../x", "a/b", ".hidden", "a@b", "é", "x" * 101])
def test_a_name_that_is_no_folder_is_refused(
    registry: Any, artefacts: Artefacts, name: Any
) -> None:
    with pytest.raises(InputError, match="--name"):
        registry.publish(name, artefacts)
    assert registry.names() == []


def test_a_model_that_would_be_refused_is_not_published(registry: Any) -> None:
    with pytest.raises(BundleError):
        registry.publish("bank", Artefacts(onnx=b"garbage"))
    assert open_folder(registry.root).folders() == []


def test_a_publish_that_fails_leaves_nothing(
    registry: Any, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish("bank", artefacts)
    kind = type(open_folder(registry.root))
    write = kind.write

    def full(folder: Any, name: Any, content: Any) -> None:
        if name == "reference.parquet":
            raise OSError(28, "No space left on device")
        write(folder, name, content)

    monkeypatch.setattr(kind, "write", full)
    with pytest.raises(OSError, match="No space left"):
        registry.publish("bank", artefacts)
    monkeypatch.undo()
    assert (open_folder(registry.root) / "bank").folders() == ["1"]
    assert registry.publish("bank", artefacts) == "2"


def test_a_folder_without_manifest_is_not_listed_nor_written_over(
    registry: Any, artefacts: Artefacts
) -> None:
    registry.publish("bank", artefacts)
    left_behind = open_folder(registry.root) / "bank"
    left_behind.claim("2")
    (left_behind / "2").write("model.onnx", b"half")
    left_behind.claim("notes")
    (left_behind / "notes").write("manifest.json", b"{}")
    assert registry.versions("bank") == ["1"]
    assert registry.resolve("bank").endswith("bank/1")
    assert registry.publish("bank", artefacts) == "3"
    assert (left_behind / "2").read("model.onnx", 9) == b"half"


def test_publishing_at_once_never_takes_the_same_version(
    tmp_path: Path, artefacts: Artefacts
) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(
            pool.map(lambda _: Registry(tmp_path).publish("bank", artefacts), range(24))
        )
    assert sorted(versions, key=int) == [str(number) for number in range(1, 25)]
    assert all(load_bundle(str(tmp_path / "bank" / version), None) for version in versions[::8])


def test_aliases_are_replaced_at_once(tmp_path: Path, artefacts: Artefacts) -> None:
    """A reader sees the old aliases or the new, never a part, and no temporary file stays."""
    registry = Registry(tmp_path)
    for _ in range(2):
        registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)

    def flip() -> None:
        for number in range(100):
            registry.set_alias("bank", Alias.PRODUCTION, str(number % 2 + 1), MADE)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(flip)
        while not writing.done():
            assert Registry(tmp_path).aliases("bank") in (
                {Alias.PRODUCTION: "1"},
                {Alias.PRODUCTION: "2"},
            )
        writing.result()
    assert sorted(os.listdir(tmp_path / "bank")) == ["1", "2", "aliases.json", "history"]
    entries = [f"{number:08}.json" for number in range(1, 101)]
    assert sorted(os.listdir(tmp_path / "bank" / "history")) == [*entries, "latest"]


def test_an_archived_version_is_not_the_newest(registry: Any, artefacts: Artefacts) -> None:
    for _ in range(3):
        registry.publish("bank", artefacts)
    registry.change(registry.aliases_now("bank"), Action.ARCHIVE, MADE, to="3")
    assert registry.resolve("bank").endswith("bank/2")
    assert registry.newest("bank") == "3"
    assert registry.resolve("bank/3").endswith("bank/3"), "a replay may still name it"
    assert registry.versions("bank") == ["1", "2", "3"]


def test_a_version_that_is_not_there_is_not_archived(registry: Any, artefacts: Artefacts) -> None:
    registry.publish("bank", artefacts)
    with pytest.raises(ModelNotFoundError):
        registry.change(registry.aliases_now("bank"), Action.ARCHIVE, MADE, to="2")


@pytest.mark.parametrize("name", ["", "..", "a/b", "../bank"])
def test_a_name_that_is_no_folder_has_no_aliases(registry: Any, name: str) -> None:
    assert registry.aliases(name) == {}
    assert registry.history(name) == ()
    assert registry.newest(name) is None


def test_a_poll_does_not_look_at_every_version(
    tmp_path: Path, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each version was looked at, each time a worker asked which one is in production."""
    registry = Registry(tmp_path)
    for _ in range(5):
        registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    looked: list[str] = []
    holds = DiskFolder.holds
    monkeypatch.setattr(
        DiskFolder,
        "holds",
        lambda self, name: looked.append(self.location) or holds(self, name),  # type: ignore[func-returns-value]
    )
    assert registry.resolve("bank").endswith("bank/2")
    assert looked == [f"{tmp_path}/bank/2"]


@pytest.mark.parametrize("blocked", ["models", "models/bank"])
def test_a_registry_that_can_not_be_written_says_so(
    tmp_path: Path, artefacts: Artefacts, blocked: str
) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("a file")
    with pytest.raises(BundleError, match="can't be read or written"):
        Registry(tmp_path / "models").publish("bank", artefacts)


def test_a_new_version_is_seen_by_a_registry_that_was_open_before(
    registry: Any, artefacts: Artefacts
) -> None:
    reader = Registry(registry.root)
    registry.publish("bank", artefacts)
    assert reader.versions("bank") == ["1"]
    registry.publish("bank", artefacts)
    assert reader.resolve("bank").endswith("bank/2")
