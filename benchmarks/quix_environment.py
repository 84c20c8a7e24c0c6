"""The environment of Quix Streams: it does not go with LeadScore's own releases of its needs."""

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
    """Tell the release of Quix Streams."""
    found = re.search(r"^quixstreams==(\S+)", LOCK.read_text(), re.MULTILINE)
    assert found is not None, f"{LOCK} names quixstreams"
    return found[1]


@cache
def quix_python() -> str:
    """Tell the Python of the environment; makes it where there is none yet.

    Raises
    ------
    click.ClickException
        When it can't be made.
    """
    state = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / f"bench-quix-{state}"
    python = folder / "bin" / "python"
    finished = folder / ".ok"
    if finished.is_file():
        return str(python)
    click.echo(f"making the environment of Quix Streams in {folder} (once)", err=True)
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted installation left
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
