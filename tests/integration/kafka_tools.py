"""Kafka's own command-line tools, run by Java: an independent opinion on what LeadScore reports."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from stream.broker.java import cache_folder, fetch_jars, find_java
from stream.broker.node import KAFKA_VERSION

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


class ToolLag(NamedTuple):
    """A line of kafka-consumer-groups --describe; None where it prints "-"."""

    committed: int | None
    end: int
    lag: int | None


def tools_jar() -> Path:
    """Return the jar of the tools, fetched once by Maven."""
    jar = cache_folder() / f"kafka-tools-{KAFKA_VERSION}.jar"
    jar.parent.mkdir(parents=True, exist_ok=True)
    with jar.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.exists():
            with tempfile.TemporaryDirectory(dir=jar.parent) as folder:
                artifact = f"-Dartifact=org.apache.kafka:kafka-tools:{KAFKA_VERSION}"
                subprocess.run(
                    ["mvn", "-B", "-q", COPY, artifact, f"-DoutputDirectory={folder}"],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    timeout=300,
                )
                (Path(folder) / jar.name).rename(jar)
    return jar


async def described_lag(bootstrap: str, group: str) -> dict[tuple[str, int], ToolLag]:
    """Return what kafka-consumer-groups --describe prints of a group, by topic and partition."""
    classpath = f"{tools_jar()}:{fetch_jars()}/*"
    arguments = ["--bootstrap-server", bootstrap, "--describe", "--group", group]
    tool = await asyncio.create_subprocess_exec(
        *(find_java(), "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", classpath, GROUPS, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complained = await tool.communicate()
    assert tool.returncode == 0, complained.decode()
    found = {}
    for line in said.decode().splitlines():
        words = line.split()
        if words[:1] == [group]:
            _, topic, partition, committed, end, lag, *_ = words
            found[topic, int(partition)] = ToolLag(_number(committed), int(end), _number(lag))
    assert found, said.decode() + complained.decode()
    return found


def _number(word: str) -> int | None:
    return None if word == "-" else int(word)
