"""The target column: read where it is plain, refused with a reason where it is not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.table import Table
from features.table_file import parse_table, read_table
from model.training.labels import Labels, read_labels
from schemas.errors import InputError

STAGES = ("Won",) * 5 + ("Lost",) * 7 + ("Open",) * 9 + ("Demo",) * 2


def table(*cells: str) -> Table:
    return parse_table("\n".join(["y;x", *(f"{cell};1" for cell in cells)]).encode(), "leads.csv")


def outcomes(labels: Labels) -> list[bool | None]:
    pairs = zip(labels.known.tolist(), labels.positive.tolist(), strict=True)
    return [positive if known else None for known, positive in pairs]


def mature(n: int) -> Any:
    return np.zeros(n, dtype=bool)


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (("no", "yes"), "yes"),
        (("0", "1"), "1"),
        (("0.0", "1.0"), "1.0"),
        (("FALSE", "TRUE"), "TRUE"),
        (("lost", "Won"), "Won"),
        (("n", "Y"), "Y"),
        (("NA", "yes"), "yes"),
    ],
)
def test_the_positive_value_is_plain(cells: tuple[str, str], value: str) -> None:
    labels = read_labels(table(*cells), "y")
    assert labels.positive.tolist() == [False, True]
    assert labels.known.all()
    assert labels.success == (value,)


def test_one_name_is_enough_where_there_are_two_values() -> None:
    cells = ("Closed Won", "lost", "", "closed won ")
    for options in ({"positive": ["CLOSED WON"]}, {"negative": ["LOST"]}):
        labels = read_labels(table(*cells), "y", **options)
        assert outcomes(labels) == [True, False, None, True]
        assert labels.success == ("Closed Won",)
        assert labels.failure == ("lost",)


def test_letters_composed_or_not_are_the_same() -> None:
    labels = read_labels(table("gagne\u0301", "perdu", "gagn\u00e9"), "y", positive=["GAGN\u00c9"])
    assert outcomes(labels) == [True, False, True]


def test_with_success_and_failure_named_an_open_deal_is_neither() -> None:
    labels = read_labels(table(*STAGES), "y", positive=["won"], negative=["lost"])
    assert Counter(outcomes(labels)) == {True: 5, False: 7, None: 11}
    counts = labels.counts(mature(len(STAGES)))
    assert counts.success == {"Won": 5}
    assert counts.failure == {"Lost": 7}
    assert counts.ignored == {"Open": 9, "(1 other)": 2}


def test_with_success_and_what_to_ignore_named_the_others_are_failure() -> None:
    labels = read_labels(table(*STAGES), "y", positive=["Won"], ignore=["Open"])
    assert Counter(outcomes(labels)) == {True: 5, False: 9, None: 9}
    assert labels.failure == ("Lost", "Demo")


def test_several_values_may_mean_success_failure_or_be_ignored() -> None:
    labels = read_labels(
        table(*STAGES), "y", positive=["Won", "Demo"], negative=["Lost"], ignore=["Open"]
    )
    counts = labels.counts(mature(len(STAGES)))
    assert counts.success == {"Won": 5, "Demo": 2}
    assert counts.failure == {"Lost": 7}
    assert counts.ignored == {"Open": 9}


@pytest.mark.parametrize(
    "options", [{"negative": ["Lost", "Demo"], "ignore": ["Open"]}, {"ignore": ["Open", "Demo"]}]
)
def test_one_value_that_is_left_is_success(options: dict[str, list[str]]) -> None:
    labels = read_labels(table(*STAGES), "y", **options)
    assert labels.success == ("Won",)
    assert outcomes(labels)[12:21] == [None] * 9


def test_words_that_mean_missing_are_no_third_value() -> None:
    cells = ("yes", "no", "NULL", "", "<NA>", "not asked")
    labels = read_labels(table(*cells).with_hints(missing=["Not asked"]), "y")
    assert outcomes(labels) == [True, False, None, None, None, None]
    assert labels.counts(mature(6)).missing == 4


def test_a_word_that_means_missing_may_be_named() -> None:
    labels = read_labels(table("yes", "no", "none"), "y", positive=["yes"], negative=["none"])
    assert outcomes(labels) == [True, None, False]


def test_typed_numbers_are_matched_however_they_are_written(tmp_path: Any) -> None:
    values = pa.array([0.0, 1.0, None, 2.0])
    pq.write_table(pa.table({"y": values, "x": [1, 2, 3, 4]}), tmp_path / "leads.parquet")
    labels = read_labels(read_table(tmp_path / "leads.parquet"), "y", ["1.0"], ["0"])
    assert outcomes(labels) == [False, True, None, None]
    assert labels.counts(mature(4)).ignored == {"(1 other)": 1}


def test_young_leads_with_an_outcome_are_counted_apart() -> None:
    labels = read_labels(table("yes", "no", "yes", "no", ""), "y")
    counts = labels.counts(np.array([True, True, False, False, True]))
    assert (counts.success, counts.failure) == ({"yes": 1}, {"no": 1})
    assert (counts.immature, counts.missing) == (2, 1)


def test_the_rarest_of_many_ignored_values_are_one_entry() -> None:
    cells = ("yes", "no", *(f"stage {i % 60}" for i in range(330)))
    ignored = read_labels(table(*cells), "y", ["yes"], ["no"]).counts(mature(332)).ignored
    assert len(ignored) == 50
    assert sum(ignored.values()) == 330
    assert ignored["(11 others)"] == 55


OUTCOMES = ["won"] * 9 + ["no budget"] * 6 + ["lost: call jane@example.com"] * 7


def test_values_of_few_leads_and_addresses_are_counted_together() -> None:
    cells = (*OUTCOMES, *(f"lost to Jane Doe {i}" for i in range(300)), *["open"] * 3)
    counts = read_labels(table(*cells), "y", ["won"], (), ["open"]).counts(mature(len(cells)))
    assert counts.success == {"won": 9}
    assert counts.failure == {"no budget": 6, "(301 others)": 307}
    assert counts.ignored == {"open": 3}  # an option names it


def test_a_value_of_one_lead_with_many_rows_is_a_value_of_one_lead() -> None:
    cells = ("won", *["no budget"] * 6, *["Jane Doe"] * 6)
    leads = np.array([0, *range(1, 7), *[7] * 6])
    labels = read_labels(table(*cells), "y", ["won"], (), ["no budget"])
    counts = labels.counts(mature(len(cells)), leads)
    assert counts.failure == {"(1 other)": 6}
    labels = read_labels(table(*cells), "y", ["won"], ["Jane Doe"])
    assert labels.counts(mature(len(cells)), leads).ignored == {"no budget": 6}


def test_an_error_names_the_file_and_the_target() -> None:
    with pytest.raises(InputError, match=r"leads\.csv: the target 'y' has no value 'z'"):
        read_labels(table("a", "b"), "y", positive=["z"])
