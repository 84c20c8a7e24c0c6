"""A process that measures one engine: ``LOCATION ENGINE SECONDS`` in, lines of JSON out.

The last line has the memory that the engine took: the growth of the largest resident memory, from
before the model was opened to after the largest batch.
"""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from model.bundle import describe_bundle
from model.metadata import BundleError
from stream.engine_speed.measurement import measure, open_engine
from stream.process.model_trial import Trials

__all__ = ["lines"]

KIB_A_MB = 1024.0
PEAK_UNITS = {"darwin": KIB_A_MB * 1024}
"""Units of the peak in a MB (2^20 bytes): the kernel counts KiB, but bytes on macOS."""


def lines(location: str, engine: str, seconds: float) -> Iterator[Mapping[str, Any]]:
    """Yield the figures of an engine, or the reason for which there are none.

    Parameters
    ----------
    location
        The bundle's folder; it was verified before.
    engine
        One of ``ENGINES``.
    seconds
        Time for the calls of one size.
    """
    # Only described: to verify it would open it, and take the memory before it is measured.
    bundle = describe_bundle(location, Trials())
    before = _peak_mb()
    try:
        predictor = open_engine(bundle, engine)
    except BundleError as error:
        yield {"engine": engine, "why_not": str(error)}
        return
    rows = predictor.metadata.golden.matrix
    for speed in measure(predictor, rows, seconds, time.perf_counter):
        yield {"engine": engine, **speed.as_dict()}
    yield {"engine": engine, "memory_mb": _peak_mb() - before}


def _peak_mb() -> float:
    # getrusage's peak begins with that of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        [peak] = re.findall(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        return int(peak) / KIB_A_MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / PEAK_UNITS.get(sys.platform, KIB_A_MB)


if __name__ == "__main__":
    for line in lines(sys.argv[1], sys.argv[2], float(sys.argv[3])):
        sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
        sys.stdout.buffer.flush()
