"""Print how the rows of the training data were labelled and grouped."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from schemas.display import for_terminal

__all__ = ["print_rows"]


def print_rows(
    target: str, labels: LabelCounts | None, groups: GroupCounts | None, console: Console
) -> None:
    """Print which values of the target are success and failure, and which rows belong together.

    Parameters
    ----------
    target
        The target's name in the file.
    labels, groups
        What there is; None prints nothing.
    console
        Where to.
    """
    lines = [
        *([f"{target}  {_outcomes(labels)}"] if labels is not None else []),
        *([_together(groups)] if groups is not None else []),
    ]
    for line in filter(None, lines):
        console.print(Text(for_terminal(line)), highlight=False)


def _outcomes(labels: LabelCounts) -> str:
    left_out = [
        *([_listed(labels.ignored)] if labels.ignored else []),
        *([f"no value ({labels.missing:,})"] if labels.missing else []),
        *([f"too young ({labels.immature:,})"] if labels.immature else []),
    ]
    lines = {"success": _listed(labels.success), "failure": _listed(labels.failure)}
    if left_out:
        lines["left out"] = ", ".join(left_out)
    return "; ".join(f"{outcome}: {values}" for outcome, values in lines.items())


def _listed(values: Mapping[str, int]) -> str:
    return ", ".join(f"{value} ({rows:,})" for value, rows in values.items())


def _together(groups: GroupCounts) -> str:
    by = [
        *([f"the same {groups.shared}"] if groups.repeated else []),
        *(["identical rows"] if groups.identical_together else []),
        *(["identical rows, which folds part"] if groups.identical_parted else []),
    ]
    if by:
        return (
            f"{groups.groups:,} groups of rows that belong together ({', '.join(by)}); the largest "
            f"has {groups.largest:,} rows"
        )
    if groups.columns and not groups.identical:
        return f"no two rows have the same {groups.shared}"
    if groups.identical:
        return (
            f"{groups.identical:,} rows are identical to another one in all fields, the time "
            "apart, and the outcome: different leads that these fields do not distinguish"
        )
    return ""
