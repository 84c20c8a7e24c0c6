"""Files that are written atomically: completely, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; an existing file is replaced.

    Raises
    ------
    OSError
        The file can't be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent)
    except OSError as error:  # it names the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from None
    with open(descriptor, "w", encoding="utf-8") as file:
        try:
            file.write(text)
            file.close()
            Path(name).chmod(0o644)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
