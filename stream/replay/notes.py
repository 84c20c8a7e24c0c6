"""Notes on a plan before it is executed: what of its range is not there any more."""

from __future__ import annotations

from collections.abc import Iterator

from stream.archive.reader import Archive
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import AtTime

__all__ = ["notes_on"]


def notes_on(plan: ReplayPlan, wanted: Wanted) -> Iterator[str]:
    """Yield a sentence for each part of the range that a replay can't reach.

    Parameters
    ----------
    plan
        The plan.
    wanted
        What it was made of.

    Raises
    ------
    InputError
        The archive can't be read.
    """
    source = plan.archive or plan.topic
    expired = sum(max(0, min(each.log_start, each.end) - each.start) for each in plan.ranges)
    if expired:
        yield (
            f"note: {expired:,} offsets of the range are not in {source} any more: they count as"
            " expired"
        )
    # By offset the number is known; by time it is not, as nobody knows what was there.
    at_start = [each for each in plan.ranges if each.start == each.log_start > 0]
    if isinstance(wanted.start, AtTime) and at_start:
        yield (
            f"note: {len(at_start)} of {len(plan.ranges)} partitions are replayed from the start of"
            f" {source}: if --from is before that, older leads have been removed, and are not in"
            " the account"
        )
    if plan.archive is not None:
        yield from _holes(plan, Archive(plan.archive, plan.topic))


def _holes(plan: ReplayPlan, archive: Archive) -> Iterator[str]:
    holes = archive.holes()
    for each in plan.ranges:
        for start, end in holes.get(each.partition, ()):
            if start < each.end and end > each.start:
                yield (
                    f"note: the archive has no file of the offsets {start} to {end - 1} of"
                    f" partition {each.partition}: they count as expired"
                )
