"""Whether there are enough leads to train a model, and to trust its figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.group_counts import GroupCounts
from schemas.errors import InputError

__all__ = ["LEAST_OF_A_KIND", "check_sufficient", "few_warnings"]

LEAST_OF_A_KIND = 40
FEW_ROWS, FEW_POSITIVES = 1_000, 120


def check_sufficient(source: str, positive: NDArray[np.bool_], left_out: Sequence[str]) -> None:
    """Check that there are enough leads of each kind.

    Parameters
    ----------
    source
        The table's name in messages.
    positive
        bool, shape (n,): whether the lead is a success.
    left_out
        Sentences on the rows that were left out.

    Raises
    ------
    InputError
        There are fewer than ``LEAST_OF_A_KIND`` of a kind.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if min(positives, negatives) < LEAST_OF_A_KIND:
        why = f" ({' '.join(left_out)})" if left_out else ""
        raise InputError(
            f"{source} has {positives:,} positives and {negatives:,} negatives{why}; a model "
            f"needs at least {LEAST_OF_A_KIND} of each. Collect more leads whose outcome is known."
        )


def few_warnings(rows: int, positives: int, groups: GroupCounts) -> Iterable[str]:
    """Yield a sentence for each number that is low; rows that belong together count once."""
    in_groups = groups.groups < rows
    if groups.groups < FEW_ROWS:
        yield (
            f"{rows:,} rows{f' in {groups.groups:,} groups' if in_groups else ''} are few (under "
            f"{FEW_ROWS:,}): the figures are rough, and the scores may be far off. Train again "
            "with more."
        )
    if groups.positive < FEW_POSITIVES:
        yield (
            f"{positives:,} positives{f' in {groups.positive:,} groups' if in_groups else ''} are "
            f"few (under {FEW_POSITIVES}): the figures are rough, and the scores may be far off. "
            "Train again with more."
        )
