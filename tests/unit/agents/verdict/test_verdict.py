"""Sentences and JSON of a verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from agents.verdict.partition_pairs import PairCounts, PartitionPairs
from agents.verdict.score_columns import ROW
from agents.verdict.verdict import Decision, Subject, Verdict

SUBJECT = Subject("leads/1", "leads/2", "leads of leads.created", 0.01, 60.0)


def pairs(
    n: int, live_noise: float, shadow_noise: float, *, seed: int = 1, known: bool = True
) -> PartitionPairs:
    random = np.random.default_rng(seed)
    right = random.beta(2, 8, n)
    sides = []
    for noise in (live_noise, shadow_noise):
        rows = np.zeros(n, dtype=ROW)
        rows["score"] = np.clip(right + random.normal(0, 1, n) * noise, 0, 1)
        rows["band"] = np.digitize(rows["score"], (0.2, 0.4))
        rows["coverage"], rows["latency_ms"] = 0.9, random.lognormal(3, 1, n)
        sides.append(rows)
    live, shadow = sides
    return PartitionPairs(
        PairCounts(both=n, only_live=2),
        live,
        shadow,
        known=np.full(n, known),
        positive=random.random(n) < right,
        waiting=0 if known else n,
        next_known=None if known else 1_760_000_000_000,
    )


def verdict_of(*parts: PartitionPairs, **given: Any) -> Verdict:
    verdict = Verdict(SUBJECT)
    for part in parts:
        verdict.add(part)
    return verdict


def test_without_outcomes_the_shift_is_shown_and_when_the_first_is_known() -> None:
    verdict = verdict_of(pairs(500, 0.1, 0.1, known=False))
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.sentences[0] == "Better with 95 %: not known yet, as no pair has an outcome."
    assert "500 wait, the first on 2025-10-09." in verdict.sentences[1]
    assert "of 500 leads change their band" in verdict.sentences[2]
    assert verdict.more_needed is None


def test_without_a_success_nothing_is_decided_as_outcomes_may_not_arrive() -> None:
    part = pairs(5000, 0.3, 0.0)
    part.positive[:] = False
    verdict = verdict_of(part)
    assert verdict.decision is Decision.UNKNOWN
    assert verdict.sentences[:2] == [
        "Better with 95 %: not known yet, as none of 5,000 outcomes is a success.",
        "Check that outcomes arrive: a lead without one counts as a failure.",
    ]


def test_few_outcomes_say_how_many_more_are_needed() -> None:
    verdict = verdict_of(pairs(200, 0.1, 0.1))
    assert verdict.decision is Decision.UNDECIDED
    assert verdict.sentences[0].startswith("Better with 95 %: no. Its Brier score is ")
    assert verdict.sentences[1] == (
        f"{verdict.more_needed:,} more outcomes needed for a difference of 0.01."
    )
    assert 500 < (verdict.more_needed or 0) < 10_000


def test_a_better_and_a_worse_candidate_are_found() -> None:
    better = verdict_of(pairs(3000, 0.25, 0.0))
    assert better.decision is Decision.BETTER
    assert better.sentences[0].startswith("Better with 95 %: yes. Its Brier score is 0.0")
    worse = verdict_of(pairs(3000, 0.0, 0.25))
    assert worse.decision is Decision.WORSE
    assert "no, it is worse" in worse.sentences[0]


def test_two_equal_models_rule_out_a_gain() -> None:
    verdict = verdict_of(pairs(20_000, 0.1, 0.1))
    assert verdict.decision is Decision.UNDECIDED
    assert verdict.sentences[1].startswith("A gain of 0.01 is ruled out")
    assert verdict.more_needed is None


def test_partitions_add_up() -> None:
    one, two = pairs(700, 0.1, 0.0), pairs(800, 0.1, 0.0, seed=2)
    both = verdict_of(one, two)
    assert both.outcomes == 1500
    assert both.counts == PairCounts(both=1500, only_live=4)
    assert both.positives == int(one.positive.sum() + two.positive.sum())
    total = both.gains["brier"].total
    assert total == pytest.approx(sum(verdict_of(p).gains["brier"].total for p in (one, two)))


def test_leads_that_one_side_refuses_are_named() -> None:
    assert (
        "the candidate can't score: 2; the other way round: 0."
        in (verdict_of(pairs(50, 0.1, 0.1)).sentences[3])
    )


def test_json_has_every_figure() -> None:
    said = orjson.loads(orjson.dumps(verdict_of(pairs(3000, 0.25, 0.0)).as_dict()))
    assert said["decision"] == "better"
    assert said["outcomes"]["known"] == 3000
    assert said["gains"]["brier"]["low"] > 0
    assert said["gains"]["log_loss"]["level"] == 0.95
    assert said["latency_ms"]["live"]["0.5"] == pytest.approx(20, rel=0.3)
    assert said["coverage"] == {"live": pytest.approx(0.9), "shadow": pytest.approx(0.9)}
    assert said["bands"]["counts"]["High"].keys() == {"Low", "Medium", "High"}


def test_nothing_is_said_in_full() -> None:
    said = Verdict(SUBJECT).as_dict()
    assert said["decision"] == "unknown"
    assert said["scores"] is None
    assert "No lead has both scores." in said["sentences"]
