"""Outputs of two models that share leads, for tests of a rollout."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from agents.canary_mark import Arm, CanaryMark
from agents.rollout.evidence import Evidence, Seen

SALT, SHARE, BEGAN = "5ba2", 50.0, 1_800_000_000_000
WINDOW_MS, SETTLES_MS = 60_000, 5_000

Change = Callable[[Seen, Arm], Seen]


def evidence(share: float = SHARE) -> Evidence:
    return Evidence(salt=SALT, share=share, began=BEGAN, settles=SETTLES_MS, window_ms=WINDOW_MS)


def mark(arm: Arm, share: float = SHARE, microseconds: int = 900) -> CanaryMark:
    return CanaryMark(arm, share, microseconds, SALT)


def outputs(
    leads: int, share: float = SHARE, *, seed: int = 0, first: int = 10_000
) -> Iterator[Seen]:
    """Yield outputs of two models that are alike, one each 10 ms."""
    random = np.random.default_rng(seed)
    for number in range(leads):
        arm = Arm.CANARY if random.random() < share / 100 else Arm.PRODUCTION
        took = int(random.lognormal(6.8, 0.4))
        yield Seen(
            BEGAN + first + 10 * number,
            b"%d-%d" % (seed, number),
            mark(arm, share, took),
            float(random.beta(2, 5)),
        )


def changed(leads: int, change: Change, share: float = SHARE) -> Iterator[Seen]:
    """Yield outputs, changed by arm."""
    for seen in outputs(leads, share):
        assert seen.mark is not None
        yield change(seen, seen.mark.arm)
