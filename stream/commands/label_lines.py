"""What the target's values became, for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from model.label_counts import LabelCounts
from schemas.display import for_terminal

__all__ = ["print_labels"]


def print_labels(target: str, labels: LabelCounts | None, console: Console) -> None:
    """Print which values of the target are success, which failure, and what was left out.

    Parameters
    ----------
    target
        The target's name in the file.
    labels
        Number of rows by value; None prints nothing.
    console
        Where to.
    """
    if labels is None:
        return
    left_out = [
        *([_listed(labels.ignored)] if labels.ignored else []),
        *([f"no value ({labels.missing:,})"] if labels.missing else []),
        *([f"too young ({labels.immature:,})"] if labels.immature else []),
    ]
    lines = {"success": _listed(labels.success), "failure": _listed(labels.failure)}
    if left_out:
        lines["left out"] = ", ".join(left_out)
    text = "; ".join(f"{outcome}: {values}" for outcome, values in lines.items())
    console.print(Text(for_terminal(f"{target}  {text}")), highlight=False)


def _listed(values: Mapping[str, int]) -> str:
    return ", ".join(f"{value} ({rows:,})" for value, rows in values.items())
