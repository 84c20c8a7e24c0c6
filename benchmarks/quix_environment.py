"""Virtual environment of Quix Streams, whose dependencies conflict with LeadScore's."""

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

__all__ = ["quix_python", "quix_version"]

LOCK = Path(__file__).parent.parent / "requirements" / "bench-quix.lock"
INSTALL_SECONDS = 600


def quix_version() -> str:
    """Return the version of Quix Streams."""
    found = re.search(r"^quixstreams==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert found is not None, f"{LOCK} names quixstreams"
    return found[1]


@cache
def quix_python() -> str:
    """Return the Python of the environment; create the environment if necessary.

    Raises
    ------
    click.ClickException
        It can't be created.
    """
    state = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / f"bench-quix-{state}"
    python = folder / "bin" / "python"
    finished = folder / ".ok"
    if finished.is_file():
        return str(python)
    click.echo(f"making the environment of Quix Streams in {folder} (once)", err=True)
    shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted installation
    lock = ["--require-hashes", "--no-deps", "-r", str(LOCK)]
    try:
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        _run([sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), *lock])
    except subprocess.SubprocessError as error:
        said = getattr(error, "output", None) or str(error)
        raise click.ClickException(
            f"Quix Streams could not be installed: {said.strip()[-1000:]}"
        ) from None
    finished.touch()
    return str(python)


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
