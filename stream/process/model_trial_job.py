"""Try a model: the program of the process that ``stream.process.model_trial`` starts.

It takes the model's files from standard input, limits its own memory and processor time, opens the
model and computes its golden rows as a worker does, and writes what came of it to standard output.
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
"""Written before the model is touched: what happens after it is the model's doing."""
MEMORY = 256 * 2**20
"""Bytes that a model may take; one of 200 trees takes 8 MiB."""
CPU_SECONDS = 15
"""Of processor time, the start of the process included; one of 200 trees takes a second."""
SIZE = struct.Struct("<q")
"""Before each file: its length, -1 where there is none."""


@dataclass(frozen=True)
class _Files:
    files: Mapping[str, bytes]


def main() -> None:
    """Try the model that standard input holds."""
    out = os.fdopen(os.dup(1), "wb")
    _silence()
    _limit_time()
    given = _Files(_received(sys.stdin.buffer))
    if "model.onnx" in given.files:
        with suppress(ImportError):  # then XGBoost takes over
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
    """Have what libraries print go nowhere: it could be much."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)


def _limit_time() -> None:
    resource = _resource()
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # At the first limit it is told by SIGXCPU, at the second killed.
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    with suppress(OSError):  # no Linux; where memory is short, this is to end, not the worker
        Path("/proc/self/oom_score_adj").write_text("1000")


def _limit_memory() -> None:
    """Let this process grow by ``MEMORY``; only Linux says how large it is, and heeds the limit."""
    resource = _resource()
    if resource is not None and sys.platform == "linux":
        status = Path("/proc/self/status").read_text()
        [size] = [line.split()[1] for line in status.splitlines() if line.startswith("VmData:")]
        limit = int(size) * 1024 + MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _resource() -> Any:
    """Return the module that limits processes; None where there is none (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    return resource


if __name__ == "__main__":
    main()
