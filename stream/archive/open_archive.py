"""Check that an archive can be written, before the worker joins its group."""

from __future__ import annotations

import tempfile
from pathlib import Path

from schemas.errors import StartupError
from stream.archive.rows import load_pyarrow

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
    try:
        archive.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=archive):
            pass
    except OSError as error:
        raise StartupError(
            f"expected to write to the archive {archive}, but {error.strerror}: set"
            " LEADSCORE_ARCHIVE to a folder that this user may write"
        ) from None
