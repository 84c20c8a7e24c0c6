"""Trial of a model in a child process before it is loaded here.

A model that kills or hangs the child, or takes too much memory, is refused, and the serving worker
continues. The child has no settings or passwords of this process, opens no files but its program's,
and opens no port.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from model.metadata import BundleError, UnavailableError
from schemas.errors import LoadFailure
from stream.process.child_process import end_child, start_child
from stream.process.model_trial_job import BEGUN, CPU_SECONDS, MEMORY, SIZE

__all__ = ["JOB", "Trials"]

log = logging.getLogger(__name__)

JOB = (sys.executable, "-P", "-m", "stream.process.model_trial_job")
KEPT = (
    *("PATH", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("LANG", "LC_ALL", "TMPDIR"),
)
"""The only environment variables that the child gets, as it may need them to find Python."""
FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
SECONDS = 60.0
"""Longest trial in seconds, on a busy machine."""
LOOK = 0.1
"""Seconds between two checks whether the trial must be aborted."""


class Trials:
    """Runs trials of models; a model that passed is not tried again.

    Parameters
    ----------
    job
        The child's program; see ``stream.process.model_trial_job``.
    seconds
        Longest trial in seconds.
    """

    def __init__(self, job: Sequence[str] = JOB, seconds: float = SECONDS) -> None:
        self._job = job
        self._seconds = seconds
        self._passed: set[bytes] = set()
        self._is_told = False
        self._stop = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether trials have been stopped."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Abort the running trial, and start no further one."""
        self._stop.set()

    def __call__(self, files: Mapping[str, bytes]) -> None:
        """Run a trial of a model's files; block until it ends.

        Raises
        ------
        BundleError
            The model must not be used: it was refused, or the child died, hung or took too much
            memory.
        UnavailableError
            No child could be started, or this process stops: there is no verdict.
        """
        digest = _digest(files)
        if digest in self._passed:
            return
        if sys.platform != "linux":
            self._tell_limits()
        if sys.platform != "win32":
            self._judge(*self._run(files))
        self._passed.add(digest)

    def _tell_limits(self) -> None:
        if not self._is_told:
            self._is_told = True
            log.warning(
                "on %s a model is opened %s: only Linux limits the memory of a trial",
                sys.platform,
                "without a trial, after its graph was checked"
                if sys.platform == "win32"
                else "after a trial of limited time",
            )

    def _run(self, files: Mapping[str, bytes]) -> tuple[int, bytes, bool]:
        """Run a trial; return the exit code, the output, and whether it took too long."""
        started = time.monotonic()
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        with _as_file(files) as given:
            try:
                child = start_child(
                    self._job,
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=environment | FRUGAL,
                )
            except OSError as error:
                raise _no_process(str(error)) from None
            try:
                while not self._stop.is_set():
                    with suppress(subprocess.TimeoutExpired):
                        written, _ = child.communicate(timeout=LOOK)
                        return child.returncode, written, False
                    if time.monotonic() - started > self._seconds:
                        return 0, b"", True
            finally:
                end_child(child)
        raise _no_process("this process stops")

    def _judge(self, code: int, written: bytes, is_late: bool) -> None:
        if is_late or code == -signal.SIGXCPU:
            limit = f"{self._seconds:g} s" if is_late else f"{CPU_SECONDS} s of processor time"
            raise BundleError(
                f"The model should open and score its golden rows within {limit}, but it does not: "
                "train it again, with fewer trees.",
                LoadFailure.TIMED_OUT,
            )
        if not written.startswith(BEGUN):
            raise _no_process(f"it ended with {_ended(code)} before it began")
        if code:
            raise BundleError(
                "The model should open and score its golden rows, but the process that tried it "
                f"ended with {_ended(code)}: don't use it; train it again.",
                LoadFailure.CRASHED,
            )
        outcome: dict[str, Any] = json.loads(written.removeprefix(BEGUN))
        if "refusal" in outcome:
            raise BundleError(outcome["refusal"])
        if "out_of_memory" in outcome:
            raise BundleError(
                f"The model should take at most {MEMORY // 2**20} MiB of memory, but it takes "
                "more: train it again, with fewer trees.",
                LoadFailure.OUT_OF_MEMORY,
            )


def _no_process(reason: str) -> UnavailableError:
    return UnavailableError(
        "A model is tried in a process of its own before it is opened, none could be run "
        f"({reason}): allow one more process and 100 MB of memory."
    )


def _ended(code: int) -> str:
    try:
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


def _as_file(files: Mapping[str, bytes]) -> IO[bytes]:
    """Write the files in the format of ``model_trial_job``, in memory if possible."""
    if sys.platform == "linux":  # where a worker runs may be read-only
        file: IO[bytes] = os.fdopen(os.memfd_create("model"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by who asked for it
    for name in ("model.onnx", "model.ubj"):
        content = files.get(name)
        file.write(SIZE.pack(-1 if content is None else len(content)))
        file.write(content or b"")
    file.seek(0)
    return file


def _digest(files: Mapping[str, bytes]) -> bytes:
    return b"".join(hashlib.sha256(files[name]).digest() for name in sorted(files))
