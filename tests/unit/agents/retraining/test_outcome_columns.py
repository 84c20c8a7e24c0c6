from __future__ import annotations

import numpy as np
import pytest

from agents.retraining.outcome_columns import OutcomeColumns
from agents.retraining.point_in_time import KnownOutcome, lead_key

WON = KnownOutcome(5, 6, True, 12.5, "EUR")
LOST = KnownOutcome(7, 7, False)


def test_outcomes_come_back_by_lead_in_their_order() -> None:
    columns = OutcomeColumns()
    assert (len(columns), dict(columns)) == (0, {})
    for lead, outcome in ((b"b", LOST), (b"a", WON), (b"b", WON)):
        columns.add(lead_key(lead), outcome)
    assert columns[lead_key(b"b")] == [LOST, WON]
    assert dict(columns) == {lead_key(b"a"): [WON], lead_key(b"b"): [LOST, WON]}
    assert columns.get(lead_key(b"c"), ()) == ()
    columns.add(lead_key(b"c"), LOST)  # after they were read
    assert (len(columns), columns[lead_key(b"c")]) == (3, [LOST])


def test_keys_that_share_a_half_are_different() -> None:
    columns = OutcomeColumns()
    one, other = bytes(8) + b"\xff" * 8, bytes(16)
    columns.add(one, WON)
    columns.add(other, LOST)
    columns.add(one, LOST)
    assert (columns[one], columns[other]) == ([WON, LOST], [LOST])
    with pytest.raises(KeyError):
        columns[bytes(15) + b"\x01"]


def test_many_outcomes_are_those_of_a_dictionary() -> None:
    random, columns = np.random.default_rng(2), OutcomeColumns()
    expected: dict[bytes, list[KnownOutcome]] = {}
    for number in random.integers(0, 200, 1000).tolist():
        key = lead_key(b"%d" % number)
        known = KnownOutcome(number, number + 1, number % 2 == 0, None, ["EUR", "USD"][number % 2])
        columns.add(key, known)
        expected.setdefault(key, []).append(known)
    assert columns == expected
