"""A bundle: one version of a model as a folder of files, verified whenever it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from model.manifest import LARGEST_MANIFEST, MANIFEST, MODEL_FILES, Manifest, sha256
from model.metadata import (
    BundleError,
    BundleIncompleteError,
    BundleMetadata,
    UnavailableError,
)
from model.serving.golden import verify
from model.serving.graph import check_graph
from model.storage import Folder, open_folder
from schemas.model_identity import ModelIdentity

__all__ = [
    "Artefacts",
    "Bundle",
    "BundleError",
    "Trial",
    "describe_bundle",
    "load_bundle",
    "verify",
    "write_bundle",
]


@dataclass(frozen=True)
class Artefacts:
    """The files of a model before they are published.

    Parameters
    ----------
    onnx
        ``model.onnx``, from ``model.training.export.to_onnx``.
    ubj
        ``model.ubj``, from a trainer that has one: for the native engine. One of the two is enough.
    reference
        ``reference.parquet``: a sample of the training leads as numbers, bins and scores, without
        text.
    """

    onnx: bytes | None = None
    ubj: bytes | None = None
    reference: bytes | None = None

    @property
    def files(self) -> dict[str, bytes]:
        """The existing files by name."""
        files: dict[str, bytes | None] = {
            "model.onnx": self.onnx,
            "model.ubj": self.ubj,
            "reference.parquet": self.reference,
        }
        return {name: content for name, content in files.items() if content is not None}


@dataclass(frozen=True)
class Bundle:
    """A verified model.

    Attributes
    ----------
    name, version
        Its name and version in the registry.
    sha256
        Hash of model.onnx, or of model.ubj if there is no other: the model's identity.
    metadata
        The spec, the reference, the calibration and everything else besides the trees.
    files
        The model's files by name, for ``open_predictor``.
    location
        The folder that it was loaded from; it has ``reference.parquet``.
    published
        Time of publication, in seconds since 1970; None if unknown.
    """

    name: str
    version: str
    sha256: str
    metadata: BundleMetadata
    files: Mapping[str, bytes] = field(repr=False)
    location: str
    published: float | None = None

    @property
    def identity(self) -> ModelIdentity:
        """The model's identity in events, commits and drift counts."""
        return ModelIdentity(self.name, self.version, self.sha256)


def write_bundle(folder: Folder, name: str, version: str, artefacts: Artefacts) -> Manifest:
    """Write a bundle's files, the manifest last: without it there is no bundle.

    Parameters
    ----------
    folder
        An existing folder.
    name, version
        The model.
    artefacts
        The files.
    """
    for file, content in artefacts.files.items():
        folder.write(file, content)
    manifest = Manifest.of(name, version, artefacts.files)
    folder.write(MANIFEST, manifest.to_bytes())
    return manifest


Trial = Callable[[Mapping[str, bytes]], None]
"""Opens a model's files in isolation; raises BundleError if they must not be opened here."""


def load_bundle(location: str, trial: Trial | None) -> Bundle:
    """Load a bundle and verify it: every file's hash, the graph, and the golden rows' scores.

    Parameters
    ----------
    location
        The bundle's folder, a path or a URL; ``Registry.resolve`` finds it by a model's name.
    trial
        Opens the model elsewhere first; None, for models of a trusted source: it is opened here at
        once.

    Raises
    ------
    BundleIncompleteError
        A file is missing, or differs from the manifest: a later attempt may succeed.
    UnavailableError
        The folder can't be read now.
    BundleError
        The bundle must not be used; the message says why, and what to do.
    """
    folder = open_folder(location)
    with _naming(location):
        manifest, files = _read(folder)
        if trial is not None:
            trial(files)
        metadata = verify(Artefacts(files.get("model.onnx"), files.get("model.ubj")))
    return _bundle(folder, manifest, files, metadata)


def describe_bundle(location: str, trial: Trial) -> Bundle:
    """Load a bundle for its metadata, without opening the model in an engine if possible.

    Parameters
    ----------
    location, trial
        As for ``load_bundle``; a model without model.onnx is opened, after the trial.

    Raises
    ------
    BundleError
        As for ``load_bundle``, except that golden rows are not computed.
    """
    folder = open_folder(location)
    with _naming(location):
        manifest, files = _read(folder)
        if "model.onnx" in files:
            return _bundle(folder, manifest, files, check_graph(files["model.onnx"]).metadata)
    return load_bundle(location, trial)


def _bundle(
    folder: Folder, manifest: Manifest, files: Mapping[str, bytes], metadata: BundleMetadata
) -> Bundle:
    return Bundle(
        manifest.name,
        manifest.version,
        manifest.model_sha256,
        metadata,
        files,
        folder.location,
        folder.written_at(MANIFEST),
    )


@contextmanager
def _naming(location: str) -> Iterator[None]:
    """Add the bundle's location to errors."""
    try:
        yield
    except UnavailableError:
        raise  # its message has the path
    except BundleError as error:
        is_incomplete = isinstance(error, BundleIncompleteError)
        named = f"The bundle {location} is {'incomplete' if is_incomplete else 'refused'}. {error}"
        raise type(error)(named, error.failure) from error


def _read(folder: Folder) -> tuple[Manifest, dict[str, bytes]]:
    """Read a bundle's files, all of the same manifest; return those that hold the model."""
    written = folder.read(MANIFEST, LARGEST_MANIFEST)
    if written is None:
        raise BundleIncompleteError(
            f"There should be a {MANIFEST} in it, but there is none: this is no bundle, or one "
            "that was never fully published. `leadscore models list` shows what there is."
        )
    manifest = Manifest.from_bytes(written)
    files: dict[str, bytes] = {}
    for name, entry in manifest.files.items():
        found: tuple[int, str] | None
        if name in MODEL_FILES:
            content = folder.read(name, entry.size + 1)
            found = None if content is None else (len(content), sha256(content))
            files[name] = content or b""
        else:
            found = folder.sha256(name)
        if found is None:
            raise BundleIncompleteError(
                f"There should be a file {name} in it, but there is none: if nobody is copying the "
                "bundle just now, copy it again, or publish the model again."
            )
        manifest.verify(name, *found)
    if folder.read(MANIFEST, LARGEST_MANIFEST) != written:
        raise BundleIncompleteError(
            f"Its {MANIFEST} should stay as it is, but it was replaced while the bundle was read: "
            "it is read again when nobody writes it."
        )
    return manifest, files
