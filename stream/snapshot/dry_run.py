"""Dry run of a snapshot: the leads and files that it would read and write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import StartupError
from stream.kafka.access import Use
from stream.scoring.serving_model import locate
from stream.settings import Settings
from stream.snapshot.archive import place_of, snapshots_in
from stream.snapshot.record_sample import count_offsets
from stream.snapshot.request import Order

__all__ = ["SnapshotPlan", "plan_snapshot"]


@dataclass(frozen=True, slots=True)
class SnapshotPlan:
    """Inputs and outputs of a snapshot that is not taken.

    Attributes
    ----------
    model
        Folder or URL of the model's bundle.
    offsets
        Offsets of the topic that would be read: an upper bound of the records in the range.
    report
        The HTML report that would be written if there is a lead.
    removed
        Older snapshots that would be removed then.
    """

    model: str
    offsets: int
    report: Path
    removed: tuple[Path, ...]


async def plan_snapshot(settings: Settings, order: Order) -> SnapshotPlan:
    """Return what a snapshot would do.

    Raises
    ------
    ModelNotFoundError, StartupError
        There is no model.
    StartupError, FatalError
        See ``stream.snapshot.record_sample.count_offsets``.
    """
    model = locate(settings)
    if model is None:
        raise StartupError(
            f"expected the model {settings.model} in {settings.registry}, but it does not exist:"
            " train a model with `leadscore train`"
        )
    offsets = await count_offsets(settings, settings.leads_created, order.range, Use.SNAPSHOT)
    report = place_of(order.output, order.name)
    others = [snapshot for snapshot in snapshots_in(order.output) if snapshot != report.parent]
    removed = others[: max(len(others) + 1 - order.keep, 0)] if offsets else []
    return SnapshotPlan(model, offsets, report, tuple(removed))
