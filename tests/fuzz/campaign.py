"""Fuzz one target in this process: by coverage where atheris is installed, else blindly.

`python -m tests.fuzz.campaign TARGET SECONDS FOLDER`; `tests.fuzz.run` starts it. The corpus grows
in ``FOLDER/corpus``; an input that is a fault is written to ``FOLDER/faults``, and ends it.
"""

from __future__ import annotations

import gc
import hashlib
import mmap
import random
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from tests.fuzz.limits import bound_memory, timed
from tests.fuzz.mutations import changed
from tests.fuzz.target import Feed, Target

__all__ = ["MEGABYTES", "main"]

MEGABYTES = 768
"""By which the process may grow: the fuzzer's own needs among them."""
HANG_SECONDS = 30
OURS = ["schemas", "features", "agents", "model", "monitoring", "stream"]
THEIRS = ["aiohttp", "prometheus_client"]
"""Further code that reads external input."""


def main(arguments: Sequence[str]) -> int:
    """Fuzz; returns 0 where no fault was found."""
    name, seconds, folder = arguments[0], int(arguments[1]), Path(arguments[2])
    for part in ("corpus", "faults"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    try:
        import atheris
    except ImportError:
        from tests.fuzz.targets import TARGETS

        return _blindly(TARGETS[name], seconds, folder)
    with atheris.instrument_imports(include=[*OURS, *THEIRS]):
        from tests.fuzz.targets import TARGETS
    return _by_coverage(atheris, TARGETS[name], seconds, folder)


def _by_coverage(atheris: Any, target: Target, seconds: int, folder: Path) -> int:
    with target.opened() as feed:
        for seed in target.seeds():
            _write(folder / "corpus", seed)
            feed(seed)
        _instrument_readers(atheris)
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={target.longest}",
            f"-timeout={HANG_SECONDS}",
            "-rss_limit_mb=0",
            "-len_control=0",
            "-print_final_stats=1",
            f"-artifact_prefix={folder}/faults/",
        ]

        def mutated(value: bytes, longest: int, seed: int) -> bytes:
            draw = random.Random(seed)
            if draw.random() < 0.4:
                return bytes(atheris.Mutate(value, longest))
            return changed(value, target.shape, longest, draw)

        argv = ["fuzz", *options, str(folder / "corpus")]
        atheris.Setup(argv, timed(feed), custom_mutator=mutated)
        with bound_memory(MEGABYTES):
            atheris.Fuzz()  # ends the process
    return 0


def _instrument_readers(atheris: Any) -> None:
    """Instrument the generated readers, which the import hook does not see."""
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and found.__code__.co_filename.startswith("<reader of"):
            atheris.instrument_func(found)


def _blindly(target: Target, seconds: int, folder: Path) -> int:
    draw = random.Random()
    with target.opened() as feed:
        known = [*target.seeds(), *(file.read_bytes() for file in (folder / "corpus").iterdir())]
        for seed in known:
            feed(seed)
        until, runs = time.monotonic() + seconds, 0
        with bound_memory(MEGABYTES), _Current(folder / "current", target.longest) as current:
            while time.monotonic() < until:
                value = draw.choice(known)
                for _ in range(draw.choice((1, 1, 2, 4))):
                    value = changed(value, target.shape, target.longest, draw)
                current.is_now(value)
                if not _is_sound(timed(feed), value):
                    _write(folder / "faults", value)
                    return 1
                runs += 1
        print(f"stat::number_of_executed_units: {runs}")
    return 0


class _Current:
    """A file with the current input, kept if the process dies of it."""

    def __init__(self, path: Path, longest: int) -> None:
        path.write_bytes(bytes(longest + 8))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), 0)

    def is_now(self, value: bytes) -> None:
        """Write the length, then the input."""
        self._map[: 8 + len(value)] = len(value).to_bytes(8, "little") + value

    def __enter__(self) -> _Current:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
        self._file.close()


def _is_sound(feed: Feed, value: bytes) -> bool:
    try:
        feed(value)
    except Exception:  # whatever it is, it is a fault
        traceback.print_exc()
        return False
    return True


def _write(folder: Path, value: bytes) -> None:
    (folder / hashlib.sha1(value, usedforsecurity=False).hexdigest()).write_bytes(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
