"""The contenders in Java, built by Maven on first use and cached."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click

from stream.broker.java import cache_folder, find_java
from stream.broker.node import BrokerUnavailableError

__all__ = ["java_command", "java_versions"]

PROJECT = Path(__file__).parent / "streams-java"
MAVEN_SECONDS = 900
JVM = ("-Xms256m", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
GOALS = ("compile", "dependency:copy-dependencies")


def java_command(program: str) -> tuple[str, ...]:
    """Return the command line of a program of the project; build it if necessary.

    Parameters
    ----------
    program
        Name of its class.

    Raises
    ------
    click.ClickException
        Java or Maven is missing, or the build fails.
    """
    try:
        java = find_java()
    except BrokerUnavailableError as error:
        raise click.ClickException(f"{program} needs Java: {error}") from None
    built = _built()
    return (
        java,
        *JVM,
        "-cp",
        f"{built / 'classes'}:{built / 'libs'}/*",
        f"leadscore.bench.{program}",
    )


def java_versions() -> dict[str, str]:
    """Return the versions of the project's dependencies, by name."""
    found = re.findall(r"<(\w+)\.version>([\d.]+)<", (PROJECT / "pom.xml").read_text())
    return {f"{name} (Java)": number for name, number in found}


@cache
def _built() -> Path:
    """Return the folder of the built project; there is one for each state of its sources."""
    sources = sorted(path for path in PROJECT.rglob("*") if path.is_file())
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = cache_folder() / f"bench-java-{state}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise click.ClickException("the contenders in Java need Maven: install mvn, or skip them")
    click.echo(f"building the contenders in Java in {folder} (180 MB, once)", err=True)
    # The folder appears atomically.
    unfinished = folder.with_name(f"{folder.name}-{os.getpid()}")
    arguments = ["-B", "-q", "-f", str(PROJECT / "pom.xml"), f"-Dbench.folder={unfinished}"]
    try:
        subprocess.run(
            [maven, *arguments, *GOALS],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MAVEN_SECONDS,
        )
        unfinished.rename(folder)
    except subprocess.SubprocessError as error:
        said = getattr(error, "output", None) or str(error)
        raise click.ClickException(
            f"Maven could not build {PROJECT.name}: {said.strip()[:1000]}"
        ) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
