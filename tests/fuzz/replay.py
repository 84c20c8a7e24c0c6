"""Run targets on their corpus, or on some files, in a process of little memory.

`python -m tests.fuzz.replay [TARGET [FILE ...]]`: each input is named before it is taken, so that
the last line tells what a process has died of.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.fuzz.limits import bound_memory, timed
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

__all__ = ["CORPUS", "main"]

CORPUS = Path(__file__).parents[1] / "corpus"
MEGABYTES = 256
"""By which the process may grow over all inputs of a target."""


def main(arguments: Sequence[str]) -> None:
    """Replay; a fault is raised."""
    names = arguments[:1] or list(TARGETS)
    for name in names:
        _replay(TARGETS[name], map(Path, arguments[1:]))


def _replay(target: Target, files: Iterable[Path]) -> None:
    files = list(files) or sorted((CORPUS / target.name).iterdir())
    with target.opened() as feed:
        for seed in target.seeds():
            feed(seed)
        with bound_memory(MEGABYTES):
            for file in files:
                print(f"{target.name} {file}", flush=True)
                timed(feed)(file.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1:])
