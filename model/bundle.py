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
from model.storage import Folder

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
        ``model.ubj``, from ``model.training.export.to_ubj``: for the native engine. Of the two, one
        is enough.
    reference
        ``reference.parquet``: a sample of the training leads as numbers, bins and scores, without
        text.
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


Trial = Callable[[Mapping[str, bytes]], None]
"""Opens a model's files where that can do no harm; raises BundleError where they must not be."""


def load_bundle(location: str, trial: Trial | None = None) -> Bundle:
    """Load a bundle and verify it: every file's hash, the graph, and the golden rows' scores.

    Parameters
    ----------
    location
        The bundle's folder, a path or a URL; ``Registry.resolve`` finds it by a model's name.
    trial
        Tries the model before it is opened here; None: it is opened at once.

    Raises
    ------
    BundleIncompleteError
        A file is missing, or another than the manifest lists: a later attempt may find all.
    UnavailableError
        The folder can't be read now.
    BundleError
        The bundle must not be used; the message says why, and what to do.
    """
    folder = Folder(location)
    with _naming(location):
        manifest, files = _read(folder)
        if trial is not None:
            trial(files)
        metadata = verify(Artefacts(files.get("model.onnx"), files.get("model.ubj")))
    return _bundle(folder, manifest, files, metadata)


def describe_bundle(location: str, trial: Trial) -> Bundle:
    """Load a bundle for what it says of itself, without an engine where that can be done.

    Parameters
    ----------
    location, trial
        As for ``load_bundle``; a model of XGBoost alone has to be opened, and so is tried.

    Raises
    ------
    BundleError
        As for ``load_bundle``; golden rows are not computed.
    """
    folder = Folder(location)
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
    """Say of which bundle an error is."""
    try:
        yield
    except UnavailableError:
        raise  # it names the file
    except BundleError as error:
        is_incomplete = isinstance(error, BundleIncompleteError)
        named = f"The bundle {location} is {'incomplete' if is_incomplete else 'refused'}. {error}"
        raise type(error)(named, error.failure) from error


def _read(folder: Folder) -> tuple[Manifest, dict[str, bytes]]:
    """Read a bundle's files as one manifest lists them; returns those that are a model."""
    written = folder.read(MANIFEST, LARGEST_MANIFEST)
    if written is None:
        raise BundleIncompleteError(
            f"There should be a {MANIFEST} in it, there is none: this is no bundle, or one that "
            "was never fully published. `leadscore models list` shows what there is."
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
                f"There should be a file {name} in it, there is none: if nobody is copying the "
                "bundle just now, copy it again, or publish the model again."
            )
        manifest.verify(name, *found)
    if folder.read(MANIFEST, LARGEST_MANIFEST) != written:
        raise BundleIncompleteError(
            f"Its {MANIFEST} should stay as it is, it was replaced while the bundle was read: it "
            "is read again when nobody writes it."
        )
    return manifest, files
