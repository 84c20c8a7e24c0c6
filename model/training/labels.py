"""Read the target column: which leads are success, which failure, and which are neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.distinct_leads import leads_by_value
from features.personal import withheld_levels
from features.table import Table
from model.label_counts import LabelCounts
from model.training.target_values import TargetValues

__all__ = ["Labels", "read_labels"]

KEPT = 50
"""Number of values of a kind that the model keeps the counts of."""


@dataclass(frozen=True)
class Labels:
    """Outcomes of the rows, by the target.

    Attributes
    ----------
    known
        bool, shape (n,): whether the row is success or failure.
    positive
        bool, shape (n,): whether it is success.
    success, failure
        The target's values that are success and those that are failure, as written in the file.
    spelled
        The value of each row, length n, in one spelling for each value; None is missing.
    column
        The target's name in the file.
    named
        The values that an option names.
    """

    known: NDArray[np.bool_]
    positive: NDArray[np.bool_]
    success: tuple[str, ...]
    failure: tuple[str, ...]
    spelled: Sequence[str | None]
    column: str
    named: frozenset[str]

    def counts(
        self, immature: NDArray[np.bool_], leads: NDArray[np.int64] | None = None
    ) -> LabelCounts:
        """Count the rows of each value.

        The model keeps the values: one that no option names is counted among the others where a
        category's level would not be kept (``features.personal``).

        Parameters
        ----------
        immature
            bool, shape (n,): rows that are left out for the lead's age. They count as that only
            where their target is success or failure.
        leads
            int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.
        """
        used = self.known & ~immature
        return LabelCounts(
            success=self._counted(used & self.positive, leads),
            failure=self._counted(used & ~self.positive, leads),
            ignored=self._counted(~self.known, leads),
            missing=sum(value is None for value in self.spelled),
            immature=int((self.known & immature).sum()),
        )

    def _counted(self, rows: NDArray[np.bool_], leads: NDArray[np.int64] | None) -> dict[str, int]:
        """Count some rows by value, those of values that the model must not keep together."""
        chosen = np.array([value is not None for value in self.spelled], dtype=bool) & rows
        values = [self.spelled[row] or "" for row in np.flatnonzero(chosen).tolist()]
        leads_of = leads_by_value(values, None if leads is None else leads[chosen])
        counts = Counter(values)
        kept = Counter(
            {
                value: times
                for value, times in counts.items()
                if value in self.named
                or not withheld_levels({value.casefold(): leads_of[value]}, self.column)
            }
        )
        return _with_others(kept, counts)


def read_labels(
    table: Table,
    target: str,
    positive: Collection[str] = (),
    negative: Collection[str] = (),
    ignore: Collection[str] = (),
) -> Labels:
    """Read the target.

    Two values need no option where one of them says yes (1, true, yes, won, converted …). Of more
    values, those that nobody names are

    - left out, where success and failure are named: an open deal is no failure;
    - failure, where success is named, and what to ignore;
    - an error, where nothing says what they are.

    Case, white space around and Unicode's form do not matter, and 1.0 is 1. Of more than two
    values, words such as NULL and n/a are missing unless an option names them.

    Parameters
    ----------
    table
        The training data.
    target
        The target's field name.
    positive, negative, ignore
        The values that are success, that are failure, and of which the rows are left out.

    Raises
    ------
    InputError
        A value is not there or named twice, there are no two kinds of leads, or it is open what a
        value means.
    """
    cells = table.columns[target].strings()
    values = TargetValues.of(cells, f"{table.source}: the target {table.originals[target]!r}")
    named = values.named({"--positive": positive, "--negative": negative, "--ignore": ignore})
    values = values.without_missing_words(named, table.missing)
    outcomes = values.outcomes(named)
    forms = values.forms()
    outcome_of = [None if cell is None else outcomes.get(forms[cell]) for cell in cells]
    spelled = [None if cell is None else values.spelling.get(forms[cell]) for cell in cells]
    return Labels(
        known=np.array([outcome is not None for outcome in outcome_of], dtype=bool),
        positive=np.array([outcome is True for outcome in outcome_of], dtype=bool),
        success=values.with_outcome(outcomes, success=True),
        failure=values.with_outcome(outcomes, success=False),
        spelled=spelled,
        column=table.originals[target],
        named=frozenset(values.spelling[form] for form in named),
    )


def _with_others(kept: Counter[str], counts: Counter[str]) -> dict[str, int]:
    """Return the most frequent of the values that may be kept, and one entry for all others."""
    if len(kept) == len(counts) <= KEPT:
        return dict(counts.most_common())
    shown = kept.most_common(KEPT - 1)
    others = len(counts) - len(shown)
    name = f"({others:,} other{'s' if others > 1 else ''})"
    return dict(shown) | {name: counts.total() - sum(rows for _, rows in shown)}
