"""A bundle: one version of a model as a folder of files, verified whenever it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from model.manifest import MANIFEST, MODEL_FILES, Manifest
from model.metadata import BundleError, BundleMetadata
from model.prediction import ModelPredictor, Prediction
from model.predictor import open_predictor
from model.storage import Folder

__all__ = ["GOLDEN_TOLERANCE", "Artefacts", "Bundle", "BundleError", "load_bundle", "write_bundle"]

GOLDEN_TOLERANCE = 1e-6
"""How far a golden row's score may be from what training computed, on any machine."""


@dataclass(frozen=True)
class Artefacts:
    """The files of a model before they are published.

    Parameters
    ----------
    onnx
        ``model.onnx``, from ``model.export.to_onnx``.
    ubj
        ``model.ubj``, from ``model.export.to_ubj``: for the native engine. Of the two, one is
        enough.
    reference
        ``reference.parquet``: a sample of the training rows as they came, with score and target.
    """

    onnx: bytes | None = None
    ubj: bytes | None = None
    reference: bytes | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """The files there are, by name."""
        files: dict[str, bytes | None] = {
            "model.onnx": self.onnx,
            "model.ubj": self.ubj,
            "reference.parquet": self.reference,
        }
        return {name: content for name, content in files.items() if content is not None}


@dataclass(frozen=True)
class Bundle:
    """A model that was verified.

    Attributes
    ----------
    name, version
        What it is called in its registry.
    sha256
        The model's identity: the hash of model.onnx, of model.ubj where there is only that.
    metadata
        The spec, the reference, the calibration and what else the model says of itself.
    files
        The model's files by name, for ``open_predictor``.
    location
        The folder that it was loaded from; ``reference.parquet`` is in there.
    published
        When it was written, in seconds since 1970; None where that is not known.
    """

    name: str
    version: str
    sha256: str
    metadata: BundleMetadata
    files: Mapping[str, bytes] = field(repr=False)
    location: str
    published: float | None = None


def verify(artefacts: Artefacts) -> BundleMetadata:
    """Open a model and compute its golden rows.

    Raises
    ------
    BundleError
        It can't be opened, or gives other scores than in training.
    """
    predictor = open_predictor(artefacts)
    _verify_golden(predictor)
    return predictor.metadata


def write_bundle(folder: Folder, name: str, version: str, artefacts: Artefacts) -> Manifest:
    """Write a bundle's files, the manifest last: with it the bundle begins to exist.

    Parameters
    ----------
    folder
        Where to; it exists.
    name, version
        What the model is called.
    artefacts
        The files.
    """
    for file, content in artefacts.files.items():
        folder.write(file, content)
    manifest = Manifest.of(name, version, artefacts.files)
    folder.write(MANIFEST, manifest.to_bytes())
    return manifest


def load_bundle(location: str) -> Bundle:
    """Load a bundle and verify it: every file's hash, the format, and the golden rows' scores.

    Parameters
    ----------
    location
        The bundle's folder, a path or a URL; ``Registry.resolve`` finds it by a model's name.

    Raises
    ------
    BundleError
        The bundle must not be used; the message says why, and what to do.
    """
    try:
        folder = Folder(location)
        manifest, files = _read(folder)
        model = {name: files[name] for name in MODEL_FILES if name in files}
        metadata = verify(Artefacts(model.get("model.onnx"), model.get("model.ubj")))
    except BundleError as error:
        raise BundleError(f"The bundle {location} is refused. {error}") from error
    return Bundle(
        manifest.name,
        manifest.version,
        manifest.model_sha256,
        metadata,
        model,
        folder.location,
        folder.written_at(MANIFEST),
    )


def _read(folder: Folder) -> tuple[Manifest, dict[str, bytes]]:
    written = folder.read(MANIFEST)
    if written is None:
        raise BundleError(
            f"There should be a {MANIFEST} in it, there is none: this is no bundle, or one that "
            "was never fully published. `leadscore models list` shows what there is."
        )
    manifest = Manifest.from_bytes(written)
    files: dict[str, bytes] = {}
    for name in manifest.files:
        content = folder.read(name)
        if content is None:
            raise BundleError(
                f"There should be a file {name} in it, there is none: copy the bundle again, or "
                "publish the model again."
            )
        manifest.verify(name, content)
        files[name] = content
    return manifest, files


def _verify_golden(predictor: ModelPredictor) -> None:
    golden = predictor.metadata.golden
    try:
        prediction = predictor.predict(golden.matrix)
    except Exception as error:  # whatever an engine makes of a graph that only looks right
        raise BundleError(
            f"The model can't score its own golden rows ({error}): publish it again from its "
            "training."
        ) from error
    _verify_shapes(prediction, predictor.metadata)
    scores = prediction.probability.astype(np.float64)
    difference = np.abs(scores - np.array(golden.scores))
    wrong = np.flatnonzero(~(difference <= GOLDEN_TOLERANCE))
    if len(wrong):
        row = int(wrong[0])
        raise BundleError(
            f"The model does not give its golden rows the scores of its training: of "
            f"{len(scores)} rows {len(wrong)} differ by more than {GOLDEN_TOLERANCE:g}; row {row} "
            f"should be {golden.scores[row]:.9f} and is {scores[row]:.9f} (engine "
            f"{predictor.engine}). Publish the model again from its training."
        )


def _verify_shapes(prediction: Prediction, metadata: BundleMetadata) -> None:
    """Compare what the golden rows gave with what a batch must give."""
    n, k, fields = len(metadata.golden.scores), metadata.top_k, len(metadata.spec.fields)
    found = [
        array.shape
        for array in (prediction.probability, prediction.reason_field, prediction.reason_value)
    ]
    if found != [(n,), (n, k), (n, k)]:
        raise BundleError(
            f"The model should give its {n} golden rows a score and {k} reasons each, it gives "
            f"arrays of the shapes {found}: publish it again from its training."
        )
    if ((prediction.reason_field < 0) | (prediction.reason_field >= fields)).any():
        raise BundleError(
            f"The model's reasons should be of its {fields} fields, some are of others: publish it "
            "again from its training."
        )
