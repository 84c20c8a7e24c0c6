"""Schemas of the registry in a folder: a worker can start while the registry does not answer."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from schemas.errors import StartupError
from schemas.registered import RegisteredText, header_of
from stream.settings import PREFIX

__all__ = ["DiskCache"]

log = logging.getLogger(__name__)


class DiskCache:
    """Keeps the registry's schemas in files, one an id; an id never changes its meaning.

    Parameters
    ----------
    folder
        The folder; it is made.
    registry
        Address of the registry, which has a folder of its own inside: other registries give the
        same ids to other schemas.

    Raises
    ------
    StartupError
        The folder can't be made.
    """

    def __init__(self, folder: Path, registry: str) -> None:
        self._folder = folder / hashlib.sha256(registry.encode()).hexdigest()[:16]
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(
                f"expected to keep schemas in {folder}, but {error.strerror or error}: set"
                f" {PREFIX}SCHEMA_REGISTRY_CACHE to a folder that can be written, or unset it"
            ) from error

    def __iter__(self) -> Iterator[tuple[bytes, RegisteredText]]:
        """Yield the ids with their schemas; a file that is damaged is skipped."""
        for file in sorted(self._folder.glob("*.json")):
            try:
                found = orjson.loads(file.read_bytes())
                header = bytes.fromhex(file.stem)
                text = RegisteredText(
                    str(found["kind"]), str(found["text"]), [str(t) for t in found["references"]]
                )
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("%s holds no schema of the registry (%r): skipped", file, error)
                continue
            if header_of(header) == header:
                yield header, text

    def add(self, header: bytes, text: RegisteredText) -> None:
        """Keep a schema; a folder that can't be written is only reported."""
        kept = {"kind": text.kind, "text": text.text, "references": [*text.references]}
        self._write(f"{header.hex()}.json", orjson.dumps(kept))

    def id_of(self, subject: str, fingerprint: bytes) -> int | None:
        """Return the id under which a schema was registered; None if it is not kept."""
        try:
            return int(self._id_file(subject, fingerprint).read_text())
        except (OSError, ValueError):
            return None

    def add_id(self, subject: str, fingerprint: bytes, schema_id: int) -> None:
        """Keep the id under which a schema is registered."""
        self._write(self._id_file(subject, fingerprint).name, str(schema_id).encode())

    def _id_file(self, subject: str, fingerprint: bytes) -> Path:
        return self._folder / f"{subject}-{fingerprint.hex()}.id"

    def _write(self, name: str, content: bytes) -> None:
        # The file appears whole: another worker may read the folder meanwhile.
        try:
            with tempfile.NamedTemporaryFile(dir=self._folder, delete=False) as temporary:
                temporary.write(content)
            os.replace(temporary.name, self._folder / name)
        except OSError as error:
            log.warning("can't store a schema in %s: %s", self._folder, error.strerror or error)
