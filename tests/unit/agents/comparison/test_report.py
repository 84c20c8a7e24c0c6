"""Sentences and JSON of a comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from agents.comparison.report import Comparison, Counts, Subject, compare
from agents.comparison.segments import SegmentedField
from tests.unit.agents.comparison.pairs import pair

SUBJECT = Subject("bank/1", "bank/2", "leads of a test")
BEFORE = [0.7] * 260 + [0.1] * 740
AFTER = [0.7] * 412 + [0.1] * 588


def made(before: list[float], after: list[float], **given: Any) -> Comparison:
    n = len(before)
    counts = Counts(n, n, n, 0, 0, 0)
    fields = given.pop("fields", [])
    return compare(
        SUBJECT, counts, given.pop("days", None), pair(before, after), [], fields, **given
    )


def test_the_first_sentence_is_the_capacity_a_day() -> None:
    comparison = made(BEFORE, AFTER, days=1.0)
    assert comparison.sentences[0] == "High would be 412 a day instead of 260."
    assert comparison.sentences[1].startswith("15.2% of the leads would change their band")


def test_a_range_without_days_is_counted_as_a_whole() -> None:
    assert made(BEFORE, AFTER).sentences[0] == "High would be 412 of 1,000 leads instead of 260."


def test_a_sample_is_extrapolated_to_the_range() -> None:
    counts = Counts(
        found=100_000, sampled=1250, compared=1000, only_before=0, only_after=0, neither=250
    )
    comparison = compare(SUBJECT, counts, 10.0, pair(BEFORE, AFTER), [], [])
    assert comparison.population.leads == 80_000
    assert comparison.capacity["High"].after == 3296
    assert comparison.sentences[0].startswith("High would be 3,296 a day instead of 2,080 (±")


def test_a_model_against_itself_changes_nothing() -> None:
    comparison = made(BEFORE, BEFORE)
    assert comparison.is_unchanged
    assert comparison.sentences == (
        "Nothing would change: every lead has the same score and band.",
    )


def test_scores_that_change_within_a_band_are_a_change() -> None:
    comparison = made([0.1, 0.7], [0.2, 0.7])
    assert not comparison.is_unchanged
    assert comparison.sentences[0] == "High would be 1 of 2 leads, as before."


def test_fields_are_those_that_the_change_depends_on_unless_some_are_named() -> None:
    even = SegmentedField("even", np.arange(4) % 2, ["a", "b"])
    half = SegmentedField("half", np.arange(4) // 2, ["a", "b"])
    before, after = [0.1] * 4, [0.1, 0.1, 0.5, 0.5]
    assert [f.field for f in made(before, after, fields=[even, half]).segments] == ["half"]
    named = made(before, after, fields=[even, half], is_chosen=True)
    assert [f.field for f in named.segments] == ["even", "half"]


def test_one_lead_is_a_lead() -> None:
    counts = Counts(1, 1, 1, 0, 0, 0)
    one = compare(Subject("a", "b", "leads of x.csv"), counts, None, pair([0.1], [0.7]), [], [])
    assert one.compared_leads == "1 lead of x.csv"
    assert one.sentences[0] == "High would be 1 of 1 lead instead of 0."


def test_it_is_one_line_of_json() -> None:
    line = orjson.dumps(made(BEFORE, AFTER, days=2.0).as_dict())
    assert orjson.loads(line)["capacity"]["High"] == {"before": 130, "after": 206, "margin": 0}
    assert b"\n" not in line
