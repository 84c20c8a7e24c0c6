"""Environments of packages whose requirements conflict with LeadScore's."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from stream.broker.java import cache_folder

__all__ = ["LOCKS", "EnvironmentFailedError", "locked_python"]

LOCKS = Path(__file__).parent.parent / "requirements"
INSTALL_SECONDS = 600


class EnvironmentFailedError(Exception):
    """The environment could not be created."""


def locked_python(lock: str) -> str:
    """Return the Python of the environment of a locked file; create it if necessary.

    Parameters
    ----------
    lock
        A file in ``requirements/``, such as ``bench-quix.lock``.

    Raises
    ------
    EnvironmentFailedError
        It can't be created.
    """
    locked = LOCKS / lock
    state = hashlib.sha256(locked.read_bytes() + sys.version.encode()).hexdigest()[:16]
    cache_folder().mkdir(parents=True, exist_ok=True)
    folder = cache_folder() / f"{locked.stem}-{state}"
    python = folder / "bin" / "python"
    finished = folder / ".ok"
    with (cache_folder() / f"{folder.name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not finished.is_file():
            shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted installation
            _install(folder, python, locked)
            finished.touch()
    return str(python)


def _install(folder: Path, python: Path, locked: Path) -> None:
    requirements = ["--require-hashes", "--no-deps", "-r", str(locked)]
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
        _run([*install, *requirements])
    except subprocess.SubprocessError as error:
        said = getattr(error, "output", None) or str(error)
        raise EnvironmentFailedError(
            f"expected to install {locked.name} into {folder}, it failed: {said.strip()[-1000:]}"
        ) from None


def _run(command: list[str]) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    subprocess.run(
        command,
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
    )
