"""`make fuzz`: fuzz targets one after the other, at low priority, and tell what was found.

An input that is a fault is left in ``.leadscore/fuzz/TARGET/faults``; give it to
`python -m tests.fuzz.replay TARGET FILE`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.replay import CORPUS
from tests.fuzz.targets import TARGETS

__all__ = ["main"]

FOLDER = Path(".leadscore/fuzz")
BURST_SECONDS = 30
"""A process fuzzes no longer: atheris grows by some kilobytes with each input."""
LOWEST = 19
"""Priority: others come first."""
RUNS = re.compile(rb"stat::number_of_executed_units: *(\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """Result of a target."""

    runs: int
    seconds: float
    faults: list[Path]
    log: Path


def main() -> int:
    """Fuzz; returns 1 where there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--minutes", type=float, default=10.0, help="of each target")
    given = parser.parse_args()
    unknown = sorted(set(given.targets) - set(TARGETS))
    if unknown:
        parser.error(f"no target is called {', '.join(unknown)}: name some of {', '.join(TARGETS)}")
    os.nice(LOWEST)
    sound = True
    for name in given.targets or TARGETS:
        found = _fuzz(name, given.minutes * 60)
        sound &= not found.faults
        verdict = f"FAULT {found.faults[0]}, {found.log}" if found.faults else "sound"
        rate = found.runs / found.seconds
        print(f"{name:12} {found.runs:>10,} inputs {rate:>8,.0f}/s  {verdict}", flush=True)
    return 0 if sound else 1


def _fuzz(name: str, seconds: float) -> Found:
    folder = FOLDER / name
    shutil.rmtree(folder / "faults", ignore_errors=True)
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    for file in (CORPUS / name).glob("*"):
        shutil.copy(file, folder / "corpus")
    log, started = folder / "log", time.monotonic()
    with log.open("wb") as out:
        while (left := started + seconds - time.monotonic()) > 0:
            burst = max(1, round(min(left, BURST_SECONDS)))
            if _burst(name, burst, folder, out.fileno()):
                break
    faults = sorted((folder / "faults").iterdir())
    runs = sum(int(number) for number in RUNS.findall(log.read_bytes()))
    return Found(runs, time.monotonic() - started, faults, log)


def _burst(name: str, seconds: int, folder: Path, out: int) -> bool:
    """Fuzz for a while; returns whether a fault was found."""
    with TemporaryDirectory() as scratch:  # a process that is ended leaves files behind
        code = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.campaign", name, str(seconds), str(folder)],
            stdout=out,
            stderr=out,
            env={**os.environ, "TMPDIR": scratch},
            check=False,
        ).returncode
    faults = folder / "faults"
    faults.mkdir(exist_ok=True)
    current = folder / "current"
    if code and not any(faults.iterdir()) and current.exists():
        content = current.read_bytes()
        (faults / "died").write_bytes(content[8 : 8 + int.from_bytes(content[:8], "little")])
    if code and not any(faults.iterdir()):
        raise SystemExit(f"fuzzing {name} ended with {code}, but no input is to blame: see its log")
    return code != 0


if __name__ == "__main__":
    sys.exit(main())
