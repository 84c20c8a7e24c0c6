"""The target column: read where it is plain, refused with a reason where it is not."""

from __future__ import annotations

import pytest

from features.table import Table, parse_table
from model.labels import read_labels
from schemas.errors import InputError


def table(*cells: str) -> Table:
    return parse_table("\n".join(["y;x", *(f"{cell};1" for cell in cells)]).encode(), "leads.csv")


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (("no", "yes"), "yes"),
        (("0", "1"), "1"),
        (("FALSE", "TRUE"), "TRUE"),
        (("lost", "Won"), "Won"),
        (("n", "Y"), "Y"),
    ],
)
def test_the_positive_value_is_plain(cells: tuple[str, str], value: str):
    labels = read_labels(table(*cells), "y", None)
    assert labels.positive.tolist() == [False, True]
    assert labels.known.all()
    assert labels.value == value


def test_a_named_value_counts_against_all_others():
    labels = read_labels(table("new", "Closed Won", "lost", "", "closed won "), "y", "CLOSED WON")
    assert labels.positive.tolist() == [False, True, False, False, True]
    assert labels.known.tolist() == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("cells", "positive", "says"),
    [
        (("yes", "YES"), None, "one value only: 'yes' (2)"),
        (("", ""), None, "no value"),
        (("a", "b", "c"), None, "it has 3: 'a' (1), 'b' (1), 'c' (1). Name the one"),
        (("a", "b"), None, "two values: 'a' (1), 'b' (1), and it can't be told"),
        (("a", "b"), "z", "no value 'z', its values are: 'a' (1), 'b' (1)"),
        (("a", "a"), "a", "one value only"),
        (tuple(str(i) for i in range(20)), None, "it has 20: "),
    ],
)
def test_refused(cells: tuple[str, ...], positive: str | None, says: str):
    with pytest.raises(InputError) as caught:
        read_labels(table(*cells), "y", positive)
    assert says in str(caught.value)
    assert "leads.csv: the target 'y'" in str(caught.value)
