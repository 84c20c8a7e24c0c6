"""A replay that is started with the id of an earlier one: it is continued, if it is the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from schemas.errors import InputError
from stream.archive.location import location_of_plan
from stream.replay.launch import Wanted
from stream.replay.plan import ReplayPlan, ReplayRecord

__all__ = ["note_on_continued", "require_same"]


def require_same(plan: ReplayPlan, wanted: Wanted) -> None:
    """Check that a plan has the records and outputs that are wanted now.

    Times of a range and aliases of a model mean something else later, so they are not compared.

    Raises
    ------
    InputError
        It has others.
    """
    if other := [*_differences(plan, wanted)]:
        raise InputError(
            f"--id {plan.id} is the id of an earlier replay, with other {', '.join(other)}: give"
            " the same options to continue it, or another --id for a new replay"
        )


def _differences(plan: ReplayPlan, wanted: Wanted) -> Iterator[str]:
    if wanted.out is not None and wanted.out != plan.out:
        yield "--out"
    if wanted.is_into_live != plan.is_into_live:
        yield "--into-live"
    if tuple(wanted.filters) != plan.filters:
        yield "--filter"
    if wanted.sample != plan.sample:
        yield "--sample"
    if wanted.counts_drift != (plan.drift_partials is not None):
        yield "--drift"
    if (wanted.untouched_ms is None) != (plan.untouched_since is None):
        yield "--untouched"
    given = None if wanted.archive is None else location_of_plan(wanted.archive)
    if given != plan.archive:
        yield "--archive"


def note_on_continued(record: ReplayRecord) -> str:
    """Return a sentence that a plan is continued, whatever the options of the command mean now."""
    plan = record.plan
    planned = f"{plan.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    model = f"{plan.model_id}/{plan.model_version}"
    if record.state == "ended":
        return (
            f"note: replay {plan.id} ({model}, planned {planned}) has ended, so nothing is scored:"
            " for a new replay give another --id"
        )
    return (
        f"note: replay {plan.id} is continued by its plan of {planned}: {plan.offsets:,} offsets of"
        f" {plan.archive or plan.topic} by {model}"
    )
