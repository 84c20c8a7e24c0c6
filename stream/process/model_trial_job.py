"""Program of the child process that ``stream.process.model_trial`` starts.

It reads the model's files from standard input, limits its own memory and CPU time, loads the model,
computes its golden rows as a worker does, and writes the result to standard output.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from model.metadata import BundleError
from model.serving.golden import verify

__all__ = ["BEGUN", "CPU_SECONDS", "MEMORY", "SIZE", "main"]

BEGUN = b"begun\n"
"""Written before the model is loaded: a later crash is caused by the model."""
MEMORY = 256 * 2**20
"""Most bytes of memory for a model; one of 200 trees takes 8 MiB."""
CPU_SECONDS = 15
"""Most CPU time in seconds, start-up included; a model of 200 trees takes a second."""
SIZE = struct.Struct("<q")
"""Length before each file; -1 if the file does not exist."""


@dataclass(frozen=True)
class _Files:
    files: Mapping[str, bytes]


def main() -> None:
    """Run the trial of the model on standard input."""
    out = os.fdopen(os.dup(1), "wb")
    _silence()
    _limit_time()
    given = _Files(_received(sys.stdin.buffer))
    if "model.onnx" in given.files:
        with suppress(ImportError):  # then XGBoost is used
            import onnxruntime  # noqa: F401
    out.write(BEGUN)
    out.flush()
    _limit_memory()
    out.write(json.dumps(_outcome(given)).encode())
    out.close()


def _outcome(model: _Files) -> dict[str, str]:
    try:
        verify(model)
    except BundleError as error:
        return {"refusal": str(error)}
    except MemoryError:
        return {"out_of_memory": ""}
    return {}


def _received(pipe: IO[bytes]) -> dict[str, bytes]:
    files = {}
    for name in ("model.onnx", "model.ubj"):
        (length,) = SIZE.unpack(pipe.read(SIZE.size))
        if length >= 0:
            files[name] = pipe.read(length)
    return files


def _silence() -> None:
    """Discard the output of libraries, as it could be large."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)


def _limit_time() -> None:
    resource = _resource()
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # The soft limit sends SIGXCPU, the hard limit kills.
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    with suppress(OSError):  # not Linux; if memory runs out, this process is killed, not the worker
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit_memory() -> None:
    """Limit the growth of this process to ``MEMORY``; only Linux supports it."""
    resource = _resource()
    if resource is not None and sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        [size] = [line.split()[1] for line in status.splitlines() if line.startswith("VmData:")]
        limit = int(size) * 1024 + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _resource() -> Any:
    """Return the standard library's module `resource`; None on Windows, which lacks it."""
    try:
        import resource
    except ImportError:
        return None
    return resource


if __name__ == "__main__":
    main()
