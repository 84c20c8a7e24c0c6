"""Virtual environments of contenders whose dependencies conflict with LeadScore's."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import click

from stream.broker.java import cache_folder

__all__ = ["python_of", "version_of"]

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
INSTALL_SECONDS = 600


def version_of(package: str, name: str) -> str:
    """Return the version of a package in the environment of a name."""
    lock = _lock(name)
    found = re.search(rf"^{package}==(\S+)", lock.read_text(), re.MULTILINE)
    assert found is not None, f"{lock} names {package}"
    return found[1]


@cache
def python_of(name: str) -> str:
    """Return the Python of an environment; create the environment if necessary.

    Parameters
    ----------
    name
        That of its locked requirements, requirements/NAME.lock.

    Raises
    ------
    click.ClickException
        It can't be created.
    """
    lock = _lock(name)
    state = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / f"{name}-{state}"
    python = folder / "bin" / "python"
    finished = folder / ".ok"
    if finished.is_file():
        return str(python)
    click.echo(f"making the environment {name} in {folder} (once)", err=True)
    shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted installation
    packages = ["--require-hashes", "--no-deps", "-r", str(lock)]
    uv = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python)]
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        _run([*uv, *packages])
    except subprocess.SubprocessError as error:
        said = getattr(error, "output", None) or str(error)
        raise click.ClickException(
            f"the packages of {lock.name} could not be installed: {said.strip()[-1000:]}"
        ) from None
    finished.touch()
    return str(python)


def _lock(name: str) -> Path:
    return REQUIREMENTS / f"{name}.lock"


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
