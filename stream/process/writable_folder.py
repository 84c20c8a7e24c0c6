"""A folder that a role needs, checked before the worker joins its group."""

from __future__ import annotations

import tempfile
from pathlib import Path

from schemas.errors import StartupError

__all__ = ["make_writable"]


def make_writable(folder: Path, use: str, variable: str) -> None:
    """Make a folder if it is missing, and check that it can be written.

    Parameters
    ----------
    folder
        The folder.
    use
        The folder's use in the error, such as ``the archive``.
    variable
        The variable that sets the folder.

    Raises
    ------
    StartupError
        It can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartupError(
            f"expected to write to {use} {folder}, but {error.strerror}: set {variable} to a folder"
            " that this user may write"
        ) from None
