"""A real Spark on this machine, from PyPI's pyspark: one process, or a master and two workers."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from stream.broker.java import cache_folder
from stream.broker.node import HOST, free_ports
from stream.process.child_process import end_child, start_child

__all__ = ["Spark", "local_spark", "spark_cluster"]

LOCK = Path("requirements/pyspark.lock")
INSTALL_SECONDS = 900
STARTED_WITHIN = 120.0
RUN_WITHIN = 900.0
ENDED_WITHIN = 30.0
PAUSE = 0.1
WORKERS = 2
DAEMON_MEMORY = "192m"
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""Options of all processes, which live for seconds."""


@dataclass(frozen=True)
class Spark:
    """A Spark that runs programs.

    Attributes
    ----------
    master
        URL of its master; ``local[1]``: everything is in the process of the driver.
    environment
        Variables of a driver: this Python, with pyspark beside its packages.
    """

    master: str
    environment: dict[str, str]

    def run(self, program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a driver's program to its end; the master is its first argument."""
        return subprocess.run(
            [sys.executable, str(program), self.master, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=RUN_WITHIN,
            check=False,
        )


def local_spark(folder: Path) -> Spark:
    """Return a Spark without daemons: a program is driver and executor.

    Parameters
    ----------
    folder
        For its files.
    """
    return Spark("local[1]", _environment(folder))


@contextmanager
def spark_cluster(folder: Path) -> Iterator[Spark]:
    """Run a master and two workers with one core each, on free ports of 127.0.0.1.

    At the end no process of the cluster is left, executors included.

    Parameters
    ----------
    folder
        For their logs and files.
    """
    environment = _environment(folder)
    home = Path(environment["SPARK_HOME"])
    [port] = free_ports(1)
    master = f"spark://{HOST}:{port}"
    with ExitStack() as running:
        log = _daemon(
            running, home, environment, folder / "master.log",
            "master.Master", "--host", HOST, "--port", str(port), "--webui-port", "0",
        )  # fmt: skip
        _until(log, "I have been elected leader")
        logs = [
            _daemon(
                running, home, environment, folder / f"worker-{number}.log",
                "worker.Worker", "--host", HOST, "--webui-port", "0", "--cores", "1",
                "--memory", "1g", "--work-dir", str(folder / f"work-{number}"), master,
            )
            for number in range(WORKERS)
        ]  # fmt: skip
        for log in logs:
            _until(log, "Successfully registered with master")
        yield Spark(master, environment)
    deadline = time.monotonic() + ENDED_WITHIN
    while left := _processes_in(folder):
        assert time.monotonic() < deadline, f"expected no process of Spark, got {left}"
        time.sleep(PAUSE)


def _environment(folder: Path) -> dict[str, str]:
    """Return the variables of Spark's processes, whose configuration is written to the folder."""
    packages = _installed()
    (folder / "spark-defaults.conf").write_text(
        "spark.master.rest.enabled false\n"  # its port is fixed, and nothing asks it
        f"spark.driver.extraJavaOptions {JVM}\n"
        f"spark.executor.extraJavaOptions {JVM}\n"
    )
    return {
        **os.environ,
        "SPARK_HOME": str(packages / "pyspark"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": DAEMON_MEMORY,
        "SPARK_DAEMON_JAVA_OPTS": JVM,
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join((str(packages), str(Path.cwd()))),
        "SPARK_CONF_DIR": str(folder),
    }


def _installed() -> Path:
    """Return a folder with pyspark and py4j; install them if it is missing.

    The folder appears atomically; a second process waits for the first.
    """
    [version] = re.findall(r"^pyspark==(\S+)", LOCK.read_text(), re.MULTILINE)
    folder = cache_folder() / f"pyspark-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install_into(folder)
    return folder


def _install_into(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as temporary:
        made = Path(temporary) / "packages"
        command = (
            *(sys.executable, "-m", "uv", "pip", "install", "-q", "--python", sys.executable),
            *("--target", str(made), "--no-build-isolation", "--require-hashes"),
            *("--no-deps", "-r", str(LOCK)),
        )
        subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
        made.rename(folder)


def _daemon(
    running: ExitStack, home: Path, environment: dict[str, str], log: Path, name: str, *rest: str
) -> Path:
    """Start a daemon of Spark that ends with the test; return its log."""
    command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{name}", *rest]
    process = start_child(
        command,
        env=environment,
        stdout=running.enter_context(log.open("wb")),
        stderr=subprocess.STDOUT,
    )
    running.callback(_end, process)
    return log


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a daemon: spark-class has become Java, so it is one process; a worker ends executors."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(ENDED_WITHIN)
    end_child(process)


def _processes_in(folder: Path) -> list[str]:
    """Return the ids of the processes that work in a folder, as executors do."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or belongs to somebody else
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
    return found


def _until(log: Path, said: str) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline:
        if said in log.read_text(errors="replace"):
            return
        time.sleep(PAUSE)
    raise AssertionError(f"expected {said!r} in {log}, got:\n{_last_lines(log)}")


def _last_lines(log: Path, count: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
