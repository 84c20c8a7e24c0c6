"""Models: their metadata (the feature spec with them), their bundles, the registry's files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.counts import CountLayout
from features.matrix import Columns, FeatureEncoder, Features
from features.spec import FeatureSpec
from model.alias import Alias
from model.alias_entry import Action, next_entry
from model.bundle import Artefacts, load_bundle, verify
from model.manifest import MANIFEST, Manifest, sha256
from model.metadata import BundleError, BundleMetadata
from model.registry import Registry
from model.sealed_json import seal
from model.serving.compiled import CompiledPredictor
from model.serving.onnx_format import message
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import NotCompiledError
from schemas.fields import FieldKind
from testing.made import MADE
from tests.fuzz.graph_changes import MARK, changed_graph, some_changes
from tests.fuzz.target import Feed, Shape, Target
from tests.unit.small_model import NAME, small_model

__all__ = ["BUNDLES", "GRAPHS", "METADATA", "REGISTRIES"]

NUMBERS = [0.0, -1.5, 1e300, np.nan, 1.7e12]
WORDS = ["retail", "CTO", b"\xc3\x9f", None, "asks for the price"]


def _some_leads(spec: FeatureSpec) -> Columns:
    """Make five leads of a spec."""
    return {
        name: np.array(NUMBERS) if kind in (FieldKind.NUMBER, FieldKind.DATE) else WORDS
        for name, kind in spec.kinds.items()
    }


def _use(text: bytes) -> None:
    """Load metadata; those that are not refused serve."""
    try:
        metadata = BundleMetadata.from_json(text.decode("utf-8", "replace"))
    except BundleError:
        return
    assert BundleMetadata.from_json(metadata.to_json()).to_json() == metadata.to_json()
    leads = _some_leads(metadata.spec)
    encoder = FeatureEncoder(metadata.spec, metadata.reference)
    features = encoder.encode(leads, len(WORDS))
    assert not np.isinf(features.matrix).any()
    for field, codes in zip(metadata.reference.fields, features.bins.T, strict=True):
        assert all(field.labels[code] is not None for code in codes.tolist())
    _name(metadata, features)
    scores = metadata.calibration.probability(np.array([-5.0, 0.0, 1e30, -1e30, 7.0]))
    layout = CountLayout(metadata.reference)
    counts = layout.count(encoder.counted_bins(features), scores.astype(np.float32), label=0.5)
    assert len(counts.counts) == len(layout.reference_counts) == layout.size
    assert metadata.golden.matrix.shape[1] == len(metadata.spec.columns)


def _name(metadata: BundleMetadata, features: Features) -> None:
    """Name a reason of each field, whatever contributed."""
    labels, shape = metadata.reason_labels(), features.bins.shape
    draw = np.random.default_rng(1)
    codes = labels.codes(
        np.tile(np.arange(shape[1]), (shape[0], 1)),
        draw.normal(size=shape).astype(np.float32),
        draw.normal(size=(shape[0], len(metadata.aspects))).astype(np.float32),
        features,
    )
    assert ((codes >= 0) & (codes < len(labels.texts))).all()


@contextmanager
def _metadata() -> Iterator[Feed]:
    yield _use


def _metadata_seeds() -> Sequence[bytes]:
    with TemporaryDirectory() as folder:
        metadata = small_model(Path(folder)).bundle.metadata
    short = metadata.golden.model_copy(
        update={"rows": metadata.golden.rows[:1], "scores": metadata.golden.scores[:1]}
    )
    return [metadata.model_copy(update={"golden": short}).to_json().encode()]


METADATA = Target("metadata", _metadata, _metadata_seeds, Shape.JSON, longest=16_384)


def edited(content: bytes, edits: bytes) -> bytes:
    """Overwrite pieces of a file.

    Parameters
    ----------
    content
        The file.
    edits
        For each piece 4 bytes of its place, from the start again where that is beyond the end, one
        of its length below 16, and the bytes that it becomes.
    """
    changed = bytearray(content)
    while len(edits) > 5:
        at, length = int.from_bytes(edits[:4], "little") % len(content), edits[4] % 16
        changed[at : at + length] = edits[5 : 5 + length]
        edits = edits[5 + length :]
    return bytes(changed)


@contextmanager
def _graphs() -> Iterator[Feed]:
    with TemporaryDirectory() as folder:
        sound = small_model(Path(folder)).bundle.files["model.onnx"]
    graph = message("Model").FromString(sound)
    matrix = np.random.default_rng(3).normal(size=(64, 11)).astype(np.float32)
    matrix[::3, ::2] = np.nan

    def feed(given: bytes) -> None:
        if given.startswith(MARK):
            content = changed_graph(graph, given[len(MARK) :]).SerializeToString()
        else:
            content = edited(sound, given)
        with suppress(BundleError):
            _run(content, matrix)
        with suppress(BundleError):
            verify(Artefacts(content))

    yield feed


def _run(content: bytes, matrix: NDArray[np.float32]) -> None:
    """Open a graph and score rows; whatever is not refused gives scores and reasons.

    Both engines give the same bits.
    """
    predictor = OnnxPredictor(content)
    try:
        compiled = CompiledPredictor(content, anywhere=True)
    except NotCompiledError as error:
        if "differ" in str(error):
            raise AssertionError(str(error)) from error
    else:
        found, expected = compiled.predict(matrix), predictor.predict(matrix)
        assert found.probability.tobytes() == expected.probability.tobytes()
        assert found.reason_value.tobytes() == expected.reason_value.tobytes()
    prediction, k = predictor.predict(matrix), predictor.metadata.top_k
    assert prediction.probability.shape == (64,)
    assert ((prediction.probability >= 0) & (prediction.probability <= 1)).all()
    assert prediction.reason_field.shape == prediction.reason_value.shape == (64, k)
    assert ((prediction.reason_field >= 0) & (prediction.reason_field < 6)).all()
    moved = predictor.contributions(matrix)
    assert np.isfinite(moved.fields).all()
    assert np.isfinite(moved.aspects).all()
    assert np.isfinite(moved.bias)


def _edits() -> Sequence[bytes]:
    draw = np.random.default_rng(5)
    return [b"", *(draw.bytes(4) + b"\x01" + draw.bytes(1) for _ in range(40))]


def _graph_seeds() -> Sequence[bytes]:
    with TemporaryDirectory() as folder:
        sound = small_model(Path(folder)).bundle.files["model.onnx"]
    return [*_edits(), *some_changes(message("Model").FromString(sound))]


GRAPHS = Target("graphs", _graphs, _graph_seeds, longest=64)
"""A model file that was damaged, or another graph, before it was hashed, so that no hash tells."""


@contextmanager
def _bundles() -> Iterator[Feed]:
    with TemporaryDirectory() as folder:
        model = small_model(Path(folder))
        sound = {
            file: (Path(model.bundle.location) / file).read_bytes()
            for file in (MANIFEST, "model.onnx", "model.ubj")
        }
        damaged = Path(folder) / "damaged"
        damaged.mkdir()

        def feed(given: bytes) -> None:
            """The first byte says which file; the rest is what is done to it."""
            file = sorted(sound)[given[0] % 3] if given else MANIFEST
            content = edited(sound[file], given[1:])
            if file == MANIFEST and given[:1] >= b"\x80":
                content = given[1:]
            for name, whole in sound.items():
                (damaged / name).write_bytes(content if name == file else whole)
            try:
                load_bundle(str(damaged), None)
            except BundleError:
                assert content != sound[file]
            else:
                assert content == sound[file]

        yield feed


def _bundle_seeds() -> Sequence[bytes]:
    manifest = Manifest.of("a", "1", {"model.onnx": b""}).to_bytes()
    return [b"", *(bytes([i]) + edit for i, edit in enumerate(_edits()[:12])), b"\xff" + manifest]


BUNDLES = Target("bundles", _bundles, _bundle_seeds, longest=2048)


@contextmanager
def _registries() -> Iterator[Feed]:
    with TemporaryDirectory() as folder:
        model = small_model(Path(folder))
        registry = Registry(model.registry)
        aliases = Path(model.bundle.location).parent / "aliases.json"
        history = aliases.parent / "history"

        def feed(given: bytes) -> None:
            """Check a manifest or an entry (hashes are computed here), or the aliases."""
            aliases.write_bytes(given)
            for reference in (NAME, f"{NAME}@production", f"{NAME}/1"):
                with suppress(BundleError):
                    registry.resolve(reference)
            _feed_history(registry, history, given)
            with suppress(BundleError):
                Manifest.from_bytes(given)
            with suppress(ValueError, RecursionError):
                fields = json.loads(given)
                if isinstance(fields, dict):
                    rehashed = _with_own_hash(fields)
                    with suppress(BundleError):
                        Manifest.from_bytes(rehashed)

        yield feed


def _feed_history(registry: Registry, history: Path, given: bytes) -> None:
    """Read an entry as given, and with its hash computed, and `latest`; then remove them."""
    contents = [given]
    with suppress(ValueError, RecursionError):
        fields = json.loads(given)
        if isinstance(fields, dict):
            contents.append(seal(fields, "entry_sha256"))
    history.mkdir()
    for content in contents:
        (history / "00000001.json").write_bytes(content)
        (history / "latest").write_bytes(given)
        with suppress(BundleError):
            registry.aliases(NAME)
        with suppress(BundleError):
            registry.history(NAME)
    shutil.rmtree(history)


def _with_own_hash(fields: dict[str, Any]) -> bytes:
    """Write a manifest's fields as a manifest is written, its own hash at the end."""

    def written(content: dict[str, Any]) -> bytes:
        return (json.dumps(content, indent=2) + "\n").encode()

    return written({**fields, "manifest_sha256": sha256(written(fields))})


def _registry_seeds() -> Sequence[bytes]:
    content = Manifest.of("a", "1", {"model.onnx": b"x", "reference.parquet": b"y"}).to_bytes()
    entry = next_entry(None, Action.SET, MADE, alias=Alias.PRODUCTION, to="1")
    fields = json.loads(content)
    del fields["manifest_sha256"]
    deep = b'{"a": ' + b"[" * 600 + b"]" * 600 + b"}"
    return [
        content,
        json.dumps(fields).encode(),
        entry.to_bytes(),
        entry.model_dump_json(by_alias=True).encode(),
        b"7\n",
        b'{"production": "1", "shadow": "2"}',
        deep,
        b"[" * 100_000,
    ]


REGISTRIES = Target("registries", _registries, _registry_seeds, Shape.JSON)
