"""A PostgreSQL server of Debian's package, as an unprivileged user, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STARTED_WITHIN = 60.0
USER = "leadscore"


def binaries() -> Path | None:
    """Return the folder of the server's programs, as Debian or the PATH has them."""
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


class PostgresServer:
    """A server on 127.0.0.1 that can be killed and started again.

    Parameters
    ----------
    programs
        Folder of its programs.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="leadscore-postgres-"))
        self._owner = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        if self._owner:  # PostgreSQL refuses to run as root
            shutil.chown(self._folder, **self._owner)
        self._data = self._folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", self._data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ("-h", "127.0.0.1", "-k", self._folder, "-p", str(self.port), "-F")
        with (self._folder / "log").open("ab") as log:
            if self._owner:
                shutil.chown(self._folder / "log", **self._owner)
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._owner,  # type: ignore[call-overload]
            )
        deadline = time.monotonic() + STARTED_WITHIN
        ready = [str(self._programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a crash would: connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        """End it, and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(self._programs / program), *map(str, arguments)],
            check=True,
            capture_output=True,
            cwd=self._folder,
            **self._owner,  # type: ignore[call-overload]
        )


@contextmanager
def postgres_server(programs: Path) -> Iterator[PostgresServer]:
    """Run a server until the body ends."""
    server = PostgresServer(programs)
    try:
        yield server
    finally:
        server.close()
