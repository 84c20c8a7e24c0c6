"""Apache Kafka from its jars: fetched once by Maven, run by Java as a child process."""

from __future__ import annotations

import base64
import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from stream.broker.node import (
    HOST,
    KAFKA_VERSION,
    STARTED,
    STARTED_WITHIN_SECONDS,
    BrokerKind,
    BrokerUnavailableError,
    free_ports,
    node_properties,
)
from stream.process.child_process import end_child, start_child

__all__ = ["JavaBroker", "fetch_jars", "find_java", "new_cluster_id", "start_java_broker"]

log = logging.getLogger(__name__)

OLDEST_JAVA = 17
PACKAGED = Path(__file__).parent / "kafka"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
MAVEN_SECONDS = 600
PORT_ATTEMPTS = 5
FOLDER_PREFIX = "leadscore-kafka-"
JVM = (
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:ActiveProcessorCount=2",
    "-Xshare:auto",
    "-Djava.awt.headless=true",
    f"-Dlog4j.configuration={(PACKAGED / 'log4j.properties').as_uri()}",
)


class _PortTakenError(Exception):
    """Another process took the port between the check and the start of the broker."""


def find_java() -> str:
    """Find a Java that runs Kafka.

    Raises
    ------
    BrokerUnavailableError
        There is no Java, or only an older one.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise BrokerUnavailableError(f"no Java: install Java {OLDEST_JAVA} or newer")
    try:
        said = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=20, check=True
        ).stderr
    except (OSError, subprocess.SubprocessError) as error:
        raise BrokerUnavailableError(f"{java} does not run: {error}") from error
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise BrokerUnavailableError(
            f"{java} is too old: expected Java {OLDEST_JAVA} or newer, it says"
            f" {said.splitlines()[0] if said else 'nothing'}"
        )
    return java


def cache_folder() -> Path:
    """Return the folder of the jars, shared by all projects of this user."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "leadscore"


def fetch_jars(version: str = KAFKA_VERSION) -> Path:
    """Fetch Kafka's jars with Maven, unless they are cached.

    The folder appears atomically; a second process waits for the first.

    Returns
    -------
    Path
        The folder of the jars.

    Raises
    ------
    BrokerUnavailableError
        They are not cached, and Maven is missing or fails.
    """
    folder = cache_folder() / f"kafka-{version}"
    if not _is_complete(folder):
        with _locked(folder.with_name(f"{folder.name}.lock")):
            if not _is_complete(folder):
                _fetch_into(folder, version)
    return folder / "libs"


def _is_complete(folder: Path) -> bool:
    return (folder / ".ok").is_file()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_into(folder: Path, version: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailableError("no Maven to fetch Kafka's jars with: install mvn")
    log.info("fetching Apache Kafka %s to %s (43 MB, once)", version, folder)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
        fetched = Path(temporary) / "fetched"
        arguments = ["-B", "-q", "-f", str(PACKAGED / "pom.xml"), f"-Dkafka.version={version}"]
        output = [f"-DoutputDirectory={fetched / 'libs'}", "-DincludeScope=runtime"]
        try:
            subprocess.run(
                [maven, *arguments, COPY, *output],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=MAVEN_SECONDS,
            )
        except subprocess.SubprocessError as error:
            said = (getattr(error, "output", None) or str(error)).strip().splitlines()
            raise BrokerUnavailableError(
                f"Maven could not fetch Kafka's jars: {' '.join(said[:2])}"
            ) from error
        (fetched / ".ok").touch()
        shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted copy
        fetched.rename(folder)


class JavaBroker:
    """One Kafka node as a child process; its data are removed on close.

    Parameters
    ----------
    java
        The program.
    jars
        Folder of Kafka's jars.

    Attributes
    ----------
    folder
        Configuration, data and log of the broker, until it is closed.

    Raises
    ------
    BrokerUnavailableError
        It does not start.
    """

    kind = BrokerKind.JAVA

    def __init__(self, java: str, jars: Path) -> None:
        self._command = [java, *JVM, "-cp", f"{jars}/*"]
        self.cluster_id = new_cluster_id()
        self._process: subprocess.Popen[bytes] | None = None
        _remove_orphaned_folders()
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._in_use = _mark_in_use(self.folder)
        try:
            self._start_on_free_ports()
        except BaseException:
            self.close()
            raise

    def describe(self) -> str:
        """Return a description of the broker."""
        return f"Apache Kafka {KAFKA_VERSION} (Java), started here at {self.bootstrap}"

    @property
    def pid(self) -> int:
        """Id of the broker's process."""
        return self._running().pid

    def pause(self) -> None:
        """Pause it: it stops answering, but connections stay open."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume it after `pause`."""
        self._running().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it, as a crash does."""
        end_child(self._running())
        self._process = None

    def restart(self) -> None:
        """Restart it with the same port and data; return when it answers."""
        if self._process is not None:
            self.kill()
        self._start()

    def close(self) -> None:
        """Kill it and remove its data."""
        if self._process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._in_use.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("expected a running broker, but it was killed: restart it first")
        return self._process

    def _start_on_free_ports(self) -> None:
        for _ in range(PORT_ATTEMPTS):
            self._configure()
            with suppress(_PortTakenError):
                return self._start()
        raise BrokerUnavailableError(f"Kafka found its port taken {PORT_ATTEMPTS} times")

    def _configure(self) -> None:
        lines = (f"{name}={value}\n" for name, value in self._properties().items())
        (self.folder / "server.properties").write_text("".join(lines))
        if not (self.folder / "logs").exists():
            self._run_to_end("kafka.tools.StorageTool", "format", *self._format_options(), "-c")

    def _format_options(self) -> tuple[str, ...]:
        """Return the options that format the storage."""
        return "-t", self.cluster_id

    def _properties(self) -> dict[str, str]:
        """Choose free ports, and return the node's configuration."""
        port, controller_port = free_ports(2)
        self.bootstrap = f"{HOST}:{port}"
        return node_properties(
            listen=self.bootstrap,
            advertised=self.bootstrap,
            controller_port=controller_port,
            log_dirs=str(self.folder / "logs"),
        )

    def _run_to_end(self, *arguments: str) -> None:
        done = subprocess.run(
            [*self._command, *arguments, str(self.folder / "server.properties")],
            capture_output=True,
            text=True,
            timeout=STARTED_WITHIN_SECONDS,
        )
        if done.returncode:
            raise BrokerUnavailableError(
                f"Kafka could not prepare its storage: {(done.stdout + done.stderr)[-500:].strip()}"
            )

    def _start(self) -> None:
        output = self.folder / "kafka.log"
        with output.open("wb") as log_file:
            self._process = start_child(
                [*self._command, "kafka.Kafka", str(self.folder / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while STARTED not in (said := output.read_bytes()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                if b"Address already in use" in said:
                    raise _PortTakenError
                raise BrokerUnavailableError(
                    f"Kafka did not start: {said[-500:].decode(errors='replace').strip()}"
                )
            time.sleep(0.02)


def start_java_broker() -> JavaBroker:
    """Start Apache Kafka with the Java of this machine, from jars fetched once.

    Raises
    ------
    BrokerUnavailableError
        Java or the jars are not available, or Kafka does not start.
    """
    return JavaBroker(find_java(), fetch_jars())


def new_cluster_id() -> str:
    """Return a new cluster id."""
    # Without the prefix it could begin with "-", which Kafka's tool parses as an option.
    return "k" + base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()[1:]


def _mark_in_use(folder: Path) -> IO[str]:
    """Hold a lock in a folder for as long as this process lives."""
    lock = (folder / "in-use").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _remove_orphaned_folders() -> None:
    """Remove the data of brokers whose process was killed before it could clean up."""
    for mark in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/in-use"):
        with suppress(OSError), mark.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(mark.parent, ignore_errors=True)
