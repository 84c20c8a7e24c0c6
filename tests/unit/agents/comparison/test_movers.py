"""The leads whose score changes most."""

from __future__ import annotations

from agents.comparison.movers import Mover, Scored, biggest_movers
from tests.unit.agents.comparison.pairs import pair


def test_the_largest_change_is_first_whatever_its_sign() -> None:
    changed = pair([0.5, 0.5, 0.5, 0.5], [0.6, 0.1, 0.5, 0.75])
    assert biggest_movers(changed, 2).tolist() == [1, 3]
    assert biggest_movers(changed, 10).tolist() == [1, 3, 0]


def test_the_first_leads_are_taken_where_changes_are_equal() -> None:
    assert biggest_movers(pair([0.5] * 4, [0.25, 0.75, 0.25, 0.75]), 3).tolist() == [0, 1, 2]


def test_an_unchanged_lead_is_no_mover() -> None:
    assert biggest_movers(pair([0.5, 0.2], [0.5, 0.2]), 5).size == 0


def test_a_lead_has_its_place_and_both_reasons() -> None:
    reason = {"feature": "job", "value": "admin", "contribution": 0.5}
    mover = Mover("t/0/7", None, Scored(0.25, "Low", [reason]), Scored(0.75, "High", []))
    assert mover.change == 0.5
    assert (mover.before.because, mover.after.because) == ("job admin (+0.50)", "")
    assert mover.as_dict()["lead_id"] is None
