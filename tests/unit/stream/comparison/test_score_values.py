"""Scores read from scored events, side by side."""

from __future__ import annotations

import orjson
import pytest

from schemas.record_codec import RecordCodec
from stream.comparison.score_values import EventReader, ScoredSide, pair_sides


def value(score: float, category: str = "Low") -> bytes:
    return orjson.dumps({"score": score, "category": category, "reasons": []})


def test_only_leads_with_both_scores_are_paired() -> None:
    before = ScoredSide("a", [value(0.1), value(0.2), None, None, value(0.5, "High")])
    after = ScoredSide("b", [value(0.3), None, value(0.4), None, value(0.25)])
    paired = pair_sides(before, after)
    assert paired.rows.tolist() == [0, 4]
    assert paired.pair.before.scores.tolist() == [0.1, 0.5]
    assert paired.pair.after.bands.tolist() == [0, 0]
    assert paired.pair.before.bands.tolist() == [0, 2]
    assert (paired.only_before, paired.only_after, paired.neither) == (1, 1, 1)


def test_no_lead_is_no_error() -> None:
    assert len(pair_sides(ScoredSide("a", []), ScoredSide("b", [])).rows) == 0


@pytest.mark.parametrize("broken", [None, b"", b"[]", b"{", b"\xc3\x01", b"\x00" * 20])
def test_bytes_that_are_no_scored_event_raise_a_value_error(broken: bytes | None) -> None:
    with pytest.raises(ValueError):
        EventReader().read(broken)
    with pytest.raises(ValueError):
        RecordCodec("lead_scored").decode(broken)
