"""Reasons in words: a name and a value that both say "at" say it once."""

from __future__ import annotations

import pytest

from features.reason_sentence import reason_sentence


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        ("created_at", "at 10 h", "created at 10 h"),
        ("Created At", "on Thu", "Created on Thu"),
        ("createdAt", "in March", "created in March"),
        ("created_at", "missing", "created_at missing"),
        ("opened", "at 23 h", "opened at 23 h"),
        ("habitat", "at 23 h", "habitat at 23 h"),
        ("at", "at 23 h", "at at 23 h"),
        ("page_views", "missing", "page_views missing"),
    ],
)
def test_a_reason_reads_in_words(feature: str, value: str, words: str) -> None:
    reason = {"feature": feature, "value": value, "contribution": 0.5}
    assert reason_sentence([reason, reason]) == f"{words} (+0.50), {words} (+0.50)"
