"""Choose the inputs that are worth keeping: the shortest that reach what no other reaches.

`python -m tests.fuzz.minimise [TARGET ...]` adds to ``tests/corpus`` out of ``.leadscore/fuzz``.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.replay import CORPUS
from tests.fuzz.run import FOLDER
from tests.fuzz.target import Feed
from tests.fuzz.targets import TARGETS

__all__ = ["main"]

BUDGET = 8000
"""Bytes that a target's inputs may take in all."""
ROOT = Path(__file__).parents[2]
OURS = tuple(
    str(ROOT / package) + "/"
    for package in ("schemas", "features", "agents", "model", "monitoring", "stream")
)
Step = tuple[str, int, int]


def main(names: Sequence[str]) -> None:
    """Choose for each target, and say how much it is."""
    for name in names or TARGETS:
        kept, reached = _chosen(name)
        for value in kept:
            title = hashlib.sha256(value).hexdigest()[:12]
            (CORPUS / name).mkdir(parents=True, exist_ok=True)
            (CORPUS / name / title).write_bytes(value)
        size = sum(map(len, kept))
        print(f"{name:12} {len(kept):>4} inputs {size:>6} bytes {reached:>6} steps", flush=True)


def _chosen(name: str) -> tuple[list[bytes], int]:
    target = TARGETS[name]
    known = [*(CORPUS / name).glob("*"), *(FOLDER / name / "corpus").glob("*")]
    values = sorted({file.read_bytes() for file in known}, key=lambda value: (len(value), value))
    kept: list[bytes] = []
    with target.opened() as feed:
        reached: set[Step] = set()
        for seed in target.seeds():
            reached |= _steps(feed, seed)
        for value in values:
            new = _steps(feed, value) - reached
            if new and sum(map(len, kept)) + len(value) <= BUDGET:
                kept.append(value)
                reached |= new
    return kept, len(reached)


def _steps(feed: Feed, value: bytes) -> set[Step]:
    """Return the line transitions of an input in LeadScore's code."""
    steps: set[Step] = set()

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(OURS) and not name.startswith("<reader of"):
            return None
        last = 0

        def follow(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal last
            if event == "line":
                steps.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return follow

        return follow

    sys.settrace(enter)
    try:
        feed(value)
    finally:
        sys.settrace(None)
    return steps


if __name__ == "__main__":
    main(sys.argv[1:])
