import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.bundle import (
    Artefacts,
    BundleError,
    describe_bundle,
    load_bundle,
    write_bundle,
)
from model.disk_folder import DiskFolder
from model.manifest import MANIFEST
from model.metadata import BundleIncompleteError
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.predictor import open_predictor
from model.storage import open_folder
from schemas.errors import FatalError, LoadFailure
from tests.unit.small_booster import Trained

FILES = ("model.onnx", "model.ubj", "reference.parquet", MANIFEST)


@pytest.fixture
def folder(tmp_path: Path, artefacts: Artefacts) -> Any:
    write_bundle(open_folder(str(tmp_path)), "bank", "3", artefacts)
    return tmp_path


def test_a_bundle_comes_back_as_it_was_written(
    folder: Any, trained: Trained, artefacts: Artefacts
) -> None:
    bundle = load_bundle(str(folder), None)
    assert (bundle.name, bundle.version) == ("bank", "3")
    assert bundle.sha256 == hashlib.sha256(artefacts.onnx).hexdigest()  # type: ignore[arg-type]
    assert bundle.metadata.to_json() == trained.metadata.to_json()
    assert bundle.location == str(folder)
    scores = open_predictor(bundle).predict(trained.matrix).probability
    np.testing.assert_allclose(
        scores, trained.metadata.calibration.probability(trained.margin), rtol=0, atol=1e-6
    )


def test_a_bundle_of_xgboost_alone_has_the_hash_of_its_booster(
    tmp_path: Path, artefacts: Artefacts
) -> None:
    write_bundle(open_folder(str(tmp_path)), "bank", "1", Artefacts(ubj=artefacts.ubj))
    bundle = load_bundle(str(tmp_path), None)
    assert bundle.sha256 == hashlib.sha256(artefacts.ubj).hexdigest()  # type: ignore[arg-type]
    assert open_predictor(bundle).engine == "xgboost"


def test_a_bundle_loads_without_onnx_runtime_and_keeps_its_identity(
    folder: Any, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    bundle = load_bundle(str(folder), None)
    assert bundle.sha256 == hashlib.sha256(artefacts.onnx).hexdigest()  # type: ignore[arg-type]
    assert open_predictor(bundle).engine == "xgboost"


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_anywhere_in_a_file_is_refused(folder: Any, name: Any) -> None:
    path = folder / name
    content = path.read_bytes()
    every = len(content) // 40 + 1 if name != MANIFEST else 1
    for position in range(0, len(content), every):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(BundleError, match=name):
            load_bundle(str(folder), None)
    path.write_bytes(content)
    assert load_bundle(str(folder), None).version == "3"


def test_the_refusal_says_which_file_what_was_expected_what_came_and_what_to_do(
    folder: Any, artefacts: Artefacts
) -> None:
    (folder / "model.onnx").write_bytes(artefacts.onnx + b"\0")
    with pytest.raises(BundleError) as refusal:
        load_bundle(str(folder), None)
    message = str(refusal.value)
    assert isinstance(refusal.value, FatalError)
    for part in (
        str(folder),
        "model.onnx of model bank version 3",
        hashlib.sha256(artefacts.onnx).hexdigest(),  # type: ignore[arg-type]
        hashlib.sha256(artefacts.onnx + b"\0").hexdigest(),
        "copy it again",
    ):
        assert part in message


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(folder: Any, name: Any) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"should be a (file )?{name} in it, but there is none"):
        load_bundle(str(folder), None)


def test_a_bundle_is_described_without_an_engine(
    folder: Any, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drift worker's way: nothing that a model does to an engine reaches it."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    bundle = describe_bundle(str(folder), trial=None)  # type: ignore[arg-type]
    assert bundle.metadata.to_json() == trained.metadata.to_json()
    assert bundle.sha256 == hashlib.sha256(trained.onnx).hexdigest()


def test_a_model_of_xgboost_alone_is_tried_before_it_is_described(
    tmp_path: Path, artefacts: Artefacts
) -> None:
    write_bundle(open_folder(str(tmp_path)), "bank", "1", Artefacts(ubj=artefacts.ubj))
    tried: list[Any] = []
    assert describe_bundle(str(tmp_path), tried.append).name == "bank"
    assert tried == [{"model.ubj": artefacts.ubj}]


def test_a_model_is_tried_before_it_is_opened_here(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnnxPredictor, "__init__", None)

    def trial(files: Any) -> None:
        assert files.keys() == {"model.onnx", "model.ubj"}
        raise BundleError("it aborts", LoadFailure.CRASHED)

    with pytest.raises(BundleError, match=r"is refused\. it aborts") as refused:
        load_bundle(str(folder), trial)
    assert refused.value.failure is LoadFailure.CRASHED


def test_no_more_of_a_file_is_read_than_its_manifest_lists(
    folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(BundleIncompleteError, match="not what was published"):
        load_bundle(str(folder), None)


def test_a_model_of_64_mib_and_more_is_refused(folder: Any) -> None:
    def change(manifest: Any) -> None:
        manifest["files"]["model.onnx"]["size"] = 64 * 2**20 + 1

    rewritten(folder, change)
    with pytest.raises(BundleError, match="a model has at most 67108864 bytes"):
        load_bundle(str(folder), None)


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no bundle, or one that was never fully published"):
        load_bundle(str(tmp_path / "nowhere"), None)


def test_a_store_that_can_not_be_reached_is_refused() -> None:
    with pytest.raises(BundleError, match="nosuch://x can't be read"):
        load_bundle("nosuch://x", None)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"3", b'{"name": "x"}', b"\xff\xfe", b"[" * 100_000]
)
def test_an_invalid_manifest_is_refused(folder: Any, content: Any) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json should be a JSON object"):
        load_bundle(str(folder), None)


def rewritten(folder: Any, change: Any) -> None:
    """Write the manifest anew with a right hash of itself: whoever wrote it meant it."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    del manifest["manifest_sha256"]
    change(manifest)
    body = (json.dumps(manifest, indent=2) + "\n").encode()
    manifest["manifest_sha256"] = hashlib.sha256(body).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest.update(format_version=2), "does not read: format_version"),
        (lambda manifest: manifest.update(surprise=1), "does not read: surprise"),
        (lambda manifest: manifest.update(model_sha256="0" * 64), "not the hash of its model"),
        (lambda manifest: manifest.update(files={}), "neither model.onnx nor model.ubj"),
        (
            lambda manifest: manifest["files"].update(
                {"../passwords": {"size": 1, "sha256": "0" * 64}}
            ),
            "has files of model.onnx, model.ubj, reference.parquet only",
        ),
    ],
)
def test_a_manifest_of_another_format_is_refused(folder: Any, change: Any, message: str) -> None:
    rewritten(folder, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(str(folder), None)


def test_a_damaged_graph_whose_hash_is_right_is_refused_with_a_sentence(
    tmp_path: Path, artefacts: Artefacts
) -> None:
    random = np.random.default_rng(5)
    for _ in range(60):
        damaged = bytearray(artefacts.onnx)  # type: ignore[arg-type]
        start = int(random.integers(len(damaged) - 64))
        damaged[start : start + 64] = random.bytes(64)
        write_bundle(open_folder(str(tmp_path)), "bank", "1", Artefacts(onnx=bytes(damaged)))
        with pytest.raises(BundleError, match="is refused"):
            load_bundle(str(tmp_path), None)


def test_the_manifest_is_written_last(tmp_path: Path, artefacts: Artefacts) -> None:
    written = []

    class Watched(DiskFolder):
        def write(self, name: str, content: bytes) -> None:
            written.append(name)
            super().write(name, content)

    write_bundle(Watched(str(tmp_path)), "bank", "1", artefacts)
    assert written[-1] == MANIFEST
    assert sorted(written) == sorted(FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
