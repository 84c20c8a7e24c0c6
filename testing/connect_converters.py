"""Records as a sink connector of Kafka Connect gets them, by its converters."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from stream.broker.java import find_java
from testing.maven_jars import CONNECT, fetch_jars

__all__ = ["converted"]

PROGRAM = CONNECT.parent / "ConvertRecords.java"
CONVERTED_WITHIN = 120.0
JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def converted(
    config: Mapping[str, str], topic: str, records: Iterable[tuple[bytes, bytes]], folder: Path
) -> list[dict[str, Any]]:
    """Return records as a sink connector with a configuration gets them.

    Parameters
    ----------
    config
        The connector's configuration; its converters and transformations are used.
    topic
        The topic of the records.
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
            *(find_java(), *JVM, "-cp", f"{fetch_jars(CONNECT)}/*"),
            *(str(PROGRAM), str(file), topic),
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
