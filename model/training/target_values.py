"""Values of a target column: which are success, which failure, and what to do if that is open."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from features.levels import known_level
from schemas.errors import InputError

__all__ = ["TargetValues"]

POSITIVE_WORDS = frozenset(
    {"1", "true", "t", "yes", "y", "won", "win", "converted", "engaged", "positive", "success"}
)
NEGATIVE_WORDS = frozenset(
    {
        *("0", "false", "f", "no", "n", "not", "lost", "loss", "negative", "failure", "failed"),
        *("rejected", "declined", "disqualified", "unqualified", "churned", "dead"),
    }
)
"""Words of a failure's value; they only choose the values of an error's example."""
NO_NUMBERS = frozenset({"0", "-1"})
"""Numbers that say no beside a 1."""
SHOWN = 8
"""Number of values that an error lists."""
WHOLE = re.compile(r"([+-]?\d+)\.0+")
"""A whole number as data frames write it in a column with missing values."""
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class TargetValues:
    """The target's different values, by their folded form.

    Attributes
    ----------
    column
        What to call the target in an error.
    cells
        The different cells of the file.
    counts
        Rows of each value, in the file's order.
    spelling
        How a value is written where it first occurs.
    """

    column: str
    cells: Collection[str]
    counts: Counter[str]
    spelling: Mapping[str, str]

    @classmethod
    def of(cls, cells: Iterable[str | None], column: str) -> TargetValues:
        """Return the values of a column's cells."""
        times = Counter(cell for cell in cells if cell is not None)
        counts = Counter[str]()
        spelling: dict[str, str] = {}
        for cell, rows in times.items():
            form = _folded(cell)
            if form:
                counts[form] += rows
                spelling.setdefault(form, cell.strip())
        return cls(column, tuple(times), counts, spelling)

    def forms(self) -> Mapping[str, str]:
        """Return the folded form of each different cell."""
        return {cell: _folded(cell) for cell in self.cells}

    def named(self, options: Mapping[str, Collection[str]]) -> dict[str, str]:
        """Return the option that names a value, by the value's folded form.

        Raises
        ------
        InputError
            A value is not there, or named twice.
        """
        named: dict[str, str] = {}
        for option, values in options.items():
            for value in values:
                form = _folded(value)
                if form not in self.counts:
                    raise InputError(
                        f"{self.column} has no value {value!r}, its values are{self._listed()}. "
                        f"Name one of them with {option}."
                    )
                if named.setdefault(form, option) != option:
                    raise InputError(
                        f"{self.column}: the value {value!r} is named with {named[form]} and with "
                        f"{option}. Name it once."
                    )
        return named

    def without_missing_words(self, named: Collection[str], words: Collection[str]) -> TargetValues:
        """Return the values without those that mean missing, where two or more others are left."""
        missing = {
            form for form in self.counts.keys() - {*named} if known_level(form, words) is None
        }
        if len(self.counts) - len(missing) < 2:
            return self
        return TargetValues(
            self.column,
            self.cells,
            Counter({form: rows for form, rows in self.counts.items() if form not in missing}),
            {form: text for form, text in self.spelling.items() if form not in missing},
        )

    def outcomes(self, named: Mapping[str, str]) -> dict[str, bool]:
        """Return whether a value is success, for each that is success or failure.

        ``read_labels`` gives the rules.

        Raises
        ------
        InputError
            There are no two kinds of leads, or it is open what a value means.
        """
        self._require_two()
        options = frozenset(named.values())
        success = [form for form in self.counts if named.get(form) == "--positive"]
        failure = [form for form in self.counts if named.get(form) == "--negative"]
        rest = [form for form in self.counts if form not in named]
        if "--positive" in options and "--negative" in options:
            if rest and "--ignore" in options:
                raise InputError(
                    f"{self.column} has values that no option names{self._listed(rest)}. Name "
                    "them too with --positive, --negative or --ignore, or give no --ignore: what "
                    "is not named is then left out."
                )
        elif "--positive" in options:
            if len(self.counts) > 2 and "--ignore" not in options and rest:
                raise self._open(success, "nothing says which of the others are failure")
            failure = rest
        elif "--negative" in options:
            if len(rest) > 1:
                raise self._open((), "nothing says which of them are success")
            success = rest
        else:
            success, failure = self._plain(rest)
        if not success or not failure:
            raise InputError(
                f"{self.column}: the options leave no value that is "
                f"{'failure' if success else 'success'}, its values are{self._listed()}. "
                f"{self._example(success)}"
            )
        return dict.fromkeys(failure, False) | dict.fromkeys(success, True)

    def with_outcome(self, outcomes: Mapping[str, bool], *, success: bool) -> tuple[str, ...]:
        """Return the values that are success, or those that are failure, as they are written."""
        return tuple(text for form, text in self.spelling.items() if outcomes.get(form) is success)

    def _require_two(self) -> None:
        if len(self.counts) < 2:
            raise InputError(
                f"{self.column} has {'one value only' if self.counts else 'no value'}"
                f"{self._listed()}. A model learns from leads of both kinds: name another target, "
                "or add the other kind of leads."
            )

    def _plain(self, rest: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return success and failure of two values of which one says yes."""
        if len(rest) > 2:
            raise self._open((), "nothing says which of them are success and which failure")
        if len(rest) < 2:
            raise InputError(
                f"{self.column} has {'one value' if rest else 'no value'} left besides those of "
                f"--ignore, its values are{self._listed()}. Ignore less."
            )
        yes = [form for form in rest if form in POSITIVE_WORDS]
        if all(map(NUMBER.fullmatch, rest)) and not NO_NUMBERS.intersection(rest):
            yes = []  # of 1 and 2, either may be success
        if len(yes) != 1:
            raise InputError(
                f"{self.column} has two values{self._listed(rest)}, and it is unclear which "
                "one is success. Name it with --positive VALUE."
            )
        return yes, [form for form in rest if form not in yes]

    def _open(self, success: Sequence[str], problem: str) -> InputError:
        """Return the error of more than two values of which the meaning is open."""
        return InputError(
            f"{self.column} should have two values, but it has "
            f"{len(self.counts):,}{self._listed()}, and {problem}. {self._example(success)}"
        )

    def _example(self, success: Sequence[str]) -> str:
        """Return what to give, with values of the file."""
        common = [form for form, _ in self.counts.most_common()]
        if len(common) > SHOWN and all(NUMBER.fullmatch(form) for form in common):
            return (
                "An amount or a count is no target: add a column that says what a success is, such "
                "as whether it is above 0, and name that; or name values with --positive and "
                "--negative."
            )
        failure = [form for form in common if _words(form) & NEGATIVE_WORDS]
        good = [*success] or [
            form for form in common if _words(form) & POSITIVE_WORDS and form not in failure
        ]
        others = [form for form in common if form not in good and form not in failure]
        bad = (failure or others)[:1]
        neither = [form for form in (*others, *failure) if form not in bad][:1]
        positive = self._options("--positive", good) or "--positive VALUE"
        return (
            f"Say which values are success and which failure: {positive} "
            f"{self._options('--negative', bad) or '--negative VALUE'}, where rows with other "
            f"values are left out, or {positive} "
            f"{self._options('--ignore', neither) or '--ignore VALUE'}, where rows with other "
            "values are failures (put in the values that are right; each option may be repeated)."
        )

    def _options(self, option: str, forms: Iterable[str]) -> str:
        return " ".join(f"{option} {quote(self.spelling[form])}" for form in [*forms][:SHOWN])

    def _listed(self, forms: Collection[str] | None = None) -> str:
        """Return the values with their counts, the most frequent ones first."""
        counts = self.counts
        if forms is not None:
            counts = Counter({form: self.counts[form] for form in forms})
        if not counts:
            return ""
        listed = ", ".join(
            f"{self.spelling[form]!r} ({rows:,})" for form, rows in counts.most_common(SHOWN)
        )
        return f": {listed}{', …' if len(counts) > SHOWN else ''}"


def _folded(value: str) -> str:
    form = unicodedata.normalize("NFC", value.strip().casefold())
    whole = WHOLE.fullmatch(form)
    return whole[1] if whole else form


def _words(form: str) -> set[str]:
    if NUMBER.fullmatch(form):
        return {form}
    return {*re.findall(r"[^\W_]+", form)}
