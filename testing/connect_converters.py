"""Converters of Kafka Connect, fetched once by Maven, and records as a sink connector gets them."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from stream.broker.java import cache_folder, find_java

__all__ = ["converted", "fetch_converters"]

PROJECT = Path(__file__).parent / "connect"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FETCHED_WITHIN, CONVERTED_WITHIN = 600.0, 120.0
JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def fetch_converters() -> Path:
    """Return the folder of the jars, fetched by Maven unless they are cached.

    The folder appears atomically; a second process waits for the first.
    """
    pom = PROJECT / "pom.xml"
    state = hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"connect-{state}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch_into(folder, pom)
    return folder


def _fetch_into(folder: Path, pom: Path) -> None:
    maven = shutil.which("mvn")
    assert maven is not None, "expected Maven to fetch Kafka Connect's converters with: install mvn"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
        jars = Path(temporary) / "libs"
        subprocess.run(
            [maven, "-B", "-q", "-f", str(pom), COPY, f"-DoutputDirectory={jars}"],
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=FETCHED_WITHIN,
        )
        jars.rename(folder)


def converted(
    config: Mapping[str, str], topic: str, records: Iterable[tuple[bytes, bytes]], folder: Path
) -> list[dict[str, Any]]:
    """Return records as a sink connector with a configuration gets them.

    Parameters
    ----------
    config
        Of the connector; its converters and transformations are used.
    topic
        Of the records.
    records
        Keys and values.
    folder
        For a file with the configuration.

    Returns
    -------
    list of dict
        ``key``, ``value``, and ``types`` of the value's fields; None without a schema.

    Raises
    ------
    RuntimeError
        A record can't be converted.
    """
    file = folder / "connector.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in config.items()))
    given = "".join(f"{_encoded(key)} {_encoded(value)}\n" for key, value in records)
    done = subprocess.run(
        [
            *(find_java(), *JVM, "-cp", f"{fetch_converters()}/*"),
            *(str(PROJECT / "ConvertRecords.java"), str(file), topic),
        ],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=CONVERTED_WITHIN,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [orjson.loads(line) for line in done.stdout.splitlines()]


def _encoded(part: bytes) -> str:
    return base64.b64encode(part).decode()
