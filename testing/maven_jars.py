"""Jars of other projects, fetched once by Maven."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from stream.broker.java import cache_folder

__all__ = ["CONNECT", "DELTA_SPARK", "fetch_jars"]

CONNECT = Path(__file__).parent / "connect" / "pom.xml"
"""Converters of Kafka Connect."""
DELTA_SPARK = Path(__file__).parent / "delta_spark" / "pom.xml"
"""Delta's connector for Spark."""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCHED_WITHIN = 600.0


def fetch_jars(pom: Path) -> Path:
    """Return the folder with the jars of a project's dependencies, fetched unless it is cached.

    The folder appears atomically; a second process waits for the first.

    Parameters
    ----------
    pom
        The project; its folder's name is that of the jars'.
    """
    state = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"{pom.parent.name}-{state}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch_into(folder, pom)
    return folder


def _fetch_into(folder: Path, pom: Path) -> None:
    maven = shutil.which("mvn")
    assert maven is not None, f"expected Maven to fetch the jars of {pom} with: install mvn"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
        jars = Path(temporary) / "libs"
        subprocess.run(
            [maven, "-B", "-q", "-f", str(pom), COPY, f"-DoutputDirectory={jars}"],
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=FETCHED_WITHIN,
        )
        jars.rename(folder)
