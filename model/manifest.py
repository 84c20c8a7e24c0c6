"""The manifest of a bundle: its files with their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from model.metadata import BundleIncompleteError
from model.sealed_json import seal, sha256, unseal, validated

__all__ = ["LARGEST_MANIFEST", "MANIFEST", "MODEL_FILES", "Manifest", "sha256"]

MANIFEST = "manifest.json"
MODEL_FILES = ("model.onnx", "model.ubj")
"""Files that hold a model; the hash of the first in a bundle is the model's identity."""
FILES = (*MODEL_FILES, "reference.parquet")
"""All files of a bundle except the manifest."""

LARGEST_MANIFEST = 2**16
LARGEST_MODEL = 64 * 2**20
"""Largest size of a model file in bytes: it is read into memory."""

OWN_HASH = "manifest_sha256"
"""Key of the manifest's own hash."""

Digest = Field(pattern="^[0-9a-f]{64}$")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Frozen):
    """Expected size and hash of a file."""

    size: int = Field(ge=0)
    sha256: str = Digest


class Manifest(_Frozen):
    """The files of one version of a model. Written last: without it there is no bundle."""

    format_version: Literal[1] = 1
    name: str
    version: str
    model_sha256: str = Digest
    """The model's identity: hash of model.onnx, or of model.ubj if there is no other."""
    files: dict[str, FileEntry]

    @classmethod
    def of(cls, name: str, version: str, files: Mapping[str, bytes]) -> Self:
        """Return the manifest of files, at least one of which holds a model."""
        entries = {
            file: FileEntry(size=len(content), sha256=sha256(content))
            for file, content in sorted(files.items())
        }
        identity = next(entries[file].sha256 for file in MODEL_FILES if file in entries)
        return cls(name=name, version=version, model_sha256=identity, files=entries)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not set(self.files) <= set(FILES):
            raise ValueError(f"a bundle has files of {', '.join(FILES)} only")
        models = [self.files[file].sha256 for file in MODEL_FILES if file in self.files]
        if not models:
            raise ValueError("it lists neither model.onnx nor model.ubj")
        if any(self.files[file].size > LARGEST_MODEL for file in MODEL_FILES if file in self.files):
            raise ValueError(f"a model has at most {LARGEST_MODEL} bytes")
        if models[0] != self.model_sha256:
            raise ValueError("model_sha256 is not the hash of its model")
        return self

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON, with its own hash at the end."""
        return seal(self.model_dump(mode="json"), OWN_HASH)

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read a manifest from JSON.

        Raises
        ------
        BundleIncompleteError
            It was changed after it was written.
        BundleError
            Its format is unknown.
        """
        fields = unseal(
            content,
            OWN_HASH,
            file=MANIFEST,
            remedy="publish the model again, or copy the bundle again",
        )
        return validated(
            cls,
            fields,
            file=MANIFEST,
            remedy="Publish the model again, or use the LeadScore that published it.",
        )

    def verify(self, file: str, size: int, digest: str) -> None:
        """Compare a file's size and hash with its entry.

        Raises
        ------
        BundleIncompleteError
            They differ: the file is not the published one.
        """
        entry = self.files[file]
        if digest != entry.sha256:
            raise BundleIncompleteError(
                f"{file} of model {self.name} version {self.version} is not what was published: "
                f"expected sha256 {entry.sha256} ({entry.size} bytes), got {digest} ({size} "
                "bytes). If nobody is copying the bundle just now, copy it again, or publish the "
                "model again."
            )
