"""Check that an archive can be written, before the worker joins its group."""

from __future__ import annotations

from pathlib import Path

from stream.archive.rows import load_pyarrow
from stream.process.writable_folder import make_writable
from stream.settings import PREFIX

__all__ = ["verify_archive"]


def verify_archive(archive: Path | None) -> None:
    """Make the folder of the archive if it is missing, and check that it can be written.

    Raises
    ------
    StartupError
        It can't, or pyarrow is not installed.
    """
    assert archive is not None, "the settings require it for the role"
    load_pyarrow()
    make_writable(archive, "the archive", f"{PREFIX}ARCHIVE")
