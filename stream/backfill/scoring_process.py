"""A process that scores parts of a backfill: numbers of parts in, accounts out.

It reads a number a line from standard input and answers with lines of JSON: ``{"rows": …}`` while
it works, and at the end of a part ``{"part": …}`` or ``{"error": …, "message": …}``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

import orjson
import pyarrow as pa

from lake.batch_scorer import BatchScorer, TimeRules
from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.part_scoring import PartScorer
from lake.plan import Plan
from model.bundle import Bundle, BundleError, Trial, load_bundle
from schemas.errors import InputError, StartupError

__all__ = ["answer", "load_planned", "open_part_scorer"]

REPORT_EVERY = 0.5
"""Seconds between two lines about rows."""
ERRORS = {"InputError": InputError, "StartupError": StartupError}


def load_planned(plan: Plan, trial: Trial | None = None) -> Bundle:
    """Load the model of a plan.

    Parameters
    ----------
    plan
        The plan.
    trial
        See ``load_bundle``.

    Raises
    ------
    InputError
        It can't be loaded, or another model is in its place.
    """
    try:
        bundle = load_bundle(plan.model.location, trial)
    except BundleError as error:
        raise InputError(str(error)) from None
    if bundle.sha256 != plan.model.sha256:
        raise InputError(
            f"expected the model of the plan in {plan.model.location}"
            f" (sha256 {plan.model.sha256[:12]}…), but another one is there"
            f" ({bundle.sha256[:12]}…): restore it, or name another folder with --out"
        )
    return bundle


def open_part_scorer(
    plan: Plan, out: OutputFolder, bundle: Bundle, on_rows: Callable[[int], None]
) -> PartScorer:
    """Return what scores the parts of a plan."""
    # A process a core: threads of Arrow would take the cores of the others.
    pa.set_cpu_count(1)
    rules = TimeRules(plan.earliest_ms, plan.ahead_ms, round(plan.created_at.timestamp() * 1000))
    scorer = BatchScorer(bundle, rules, ", ".join(plan.request.sources))
    return PartScorer(plan, scorer, out, on_rows)


def answer(
    location: str,
    lines: Iterable[str],
    write: Callable[[bytes], object],
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Score the parts that are asked for; return False after an error.

    Parameters
    ----------
    location
        The output folder, with a plan.
    lines
        Numbers of parts.
    write
        Called with each answer.
    clock
        Seconds of a monotonic clock.
    """
    rows, reported_at = 0, clock()

    def count(more: int) -> None:
        nonlocal rows, reported_at
        rows += more
        if clock() - reported_at >= REPORT_EVERY:
            say({"rows": rows})
            rows, reported_at = 0, clock()

    def say(message: object) -> None:
        write(orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE))

    try:
        out = OutputFolder(location)
        plan = Manifest(out).plan()
        assert plan is not None
        scorer = open_part_scorer(plan, out, load_planned(plan), count)
        for line in lines:
            account = scorer.score(int(line))
            say({"rows": rows})
            rows = 0
            say({"part": account.model_dump()})
    except (InputError, StartupError) as error:
        say({"error": type(error).__name__, "message": str(error)})
        return False
    return True


def main() -> None:
    """Answer on standard output."""

    def write(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    raise SystemExit(0 if answer(sys.argv[1], sys.stdin, write) else 1)


if __name__ == "__main__":
    main()
