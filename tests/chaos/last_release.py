"""The last released version, built from git: its worker runs beside this one's."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

__all__ = ["LAST_RELEASE", "NoReleaseError", "release_worker"]

LAST_RELEASE = "cda9c1c1e656ea4b92fd0ec382a44a4f2692f941"
"""Commit or tag: version 0.1.0. Moved on with each release."""
RELEASES = Path(".leadscore/releases")
"""Where releases are built, once each."""
BUILD_WITHIN = 900.0
"""Seconds."""


class NoReleaseError(Exception):
    """This checkout cannot build the release; the message says why and what to do."""


def release_worker(release: str = LAST_RELEASE) -> Sequence[str]:
    """Return the command that starts a worker of a release, which is built where it is not yet.

    Its environment is its own: its Makefile makes it from its own locked requirements.

    Raises
    ------
    NoReleaseError
        The checkout lacks the release's commit, or its environment could not be made.
    """
    folder = (RELEASES / release).resolve()
    RELEASES.mkdir(parents=True, exist_ok=True)
    with (RELEASES / f"{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(release, folder)
        _set_up(folder)
    return (str(folder / ".venv/bin/leadscore"), "worker")


def _unpack(release: str, folder: Path) -> None:
    archived = subprocess.run(["git", "archive", release], capture_output=True)
    if archived.returncode:
        raise NoReleaseError(
            f"expected the last released version, commit {release}, in this checkout's history, it"
            " is not there: fetch it (git fetch --unshallow, or fetch-depth: 0 in CI)"
        )
    # In one step, so that what is there is whole.
    with TemporaryDirectory(dir=folder.parent) as temporary:
        with tarfile.open(fileobj=BytesIO(archived.stdout)) as archive:
            archive.extractall(Path(temporary) / "tree", filter="data")
        (Path(temporary) / "tree").rename(folder)


def _set_up(folder: Path) -> None:
    # Under `make chaos` its make would take our variables for its own.
    unset = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        ["make", "setup", f"PYTHON={sys.executable}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_WITHIN,
    )
    if done.returncode:
        raise NoReleaseError(
            f"expected `make setup` to work in {folder}, it ended with code {done.returncode}:"
            f" {done.stderr.strip()[-500:]}"
        )
