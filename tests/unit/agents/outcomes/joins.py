"""Scores and outcomes for tests of the join, and counts of them by another way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from agents.outcomes.kinds import OutcomeKinds
from agents.outcomes.lead_state import JoinOptions, week_of
from agents.outcomes.partition_join import ArrivedOutcome, PartitionJoin, ScoredLead
from agents.outcomes.store import OutcomeStore
from agents.quality.concept_watch import ConceptWatch
from schemas.lead_outcome import LeadOutcome
from schemas.model_identity import ModelIdentity

__all__ = ["DAY", "MODEL", "OPTIONS", "arrived", "join_of", "recount", "scored", "totals"]

DAY = 86_400_000
START = 1_759_708_800_000
"""A Monday."""
OPTIONS = JoinOptions(horizon_ms=10 * DAY, late_ms=2 * DAY)
MODEL = ModelIdentity("leads", "3", "ab" * 32)
KINDS = OutcomeKinds(["won"], ["lost"])

Totals = Counter[tuple[int, int, str]]
"""Leads by channel, week and kind."""


def join_of(
    store: OutcomeStore, make_watch: Callable[[], ConceptWatch] | None = None
) -> PartitionJoin:
    return PartitionJoin(store, OPTIONS, KINDS, make_watch)


def scored(lead: str, day: float, offset: int, score: float = 0.5) -> ScoredLead:
    at = START + round(day * DAY)
    return ScoredLead(lead.encode(), at, offset, score, "High" if score >= 0.5 else "Low", MODEL)


def arrived(
    lead: str,
    word: str,
    day: float,
    offset: int,
    *,
    after: float = 0.0,
    money: int | None = None,
) -> ArrivedOutcome:
    at = START + round(day * DAY)
    outcome = LeadOutcome(lead, word, at, money, "EUR" if money else None)
    return ArrivedOutcome(outcome, offset, at + round(after * DAY))


def totals(join: PartitionJoin) -> Totals:
    found: Totals = Counter()
    for key, counts in join.cohorts.counts.items():
        for kind in ("positives", "negatives", "unknown"):
            found[key.channel, key.week, kind] += getattr(counts, kind)
    return +found


def recount(
    scores: Sequence[ScoredLead],
    outcomes: Iterable[ArrivedOutcome],
    *,
    channel: int = 0,
    watermark: int | None = None,
) -> Totals:
    """Count the logs as they are defined, without the join's code.

    Without a watermark it is that of the scores.
    """
    found: Totals = Counter()
    if watermark is None:
        watermark = max((score.at for score in scores), default=0)
    by_lead: dict[bytes, list[ScoredLead]] = {}
    for score in scores:
        by_lead.setdefault(score.lead_id, []).append(score)
    final: dict[LeadOutcome, ArrivedOutcome] = {}
    for each in outcomes:
        if each.outcome.outcome in ("won", "lost"):
            final.setdefault(each.outcome, each)  # a repeated one is ignored
    for lead, given in by_lead.items():
        ordered = sorted(given, key=lambda score: (score.at, score.offset))
        for place, score in enumerate(ordered):
            end = score.at + OPTIONS.horizon_ms
            until = ordered[place + 1].at - 1 if place + 1 < len(ordered) else end
            mine = [
                o
                for o in final.values()
                if o.outcome.lead_id.encode() == lead
                and score.at <= o.outcome.occurred_at <= min(until, end)
                and o.arrived <= end + OPTIONS.late_ms
            ]
            if not mine and place + 1 < len(ordered) and until < end:
                continue
            last = max(mine, key=lambda o: (o.outcome.occurred_at, o.offset), default=None)
            is_won = last is not None and last.outcome.outcome == "won"
            kind = "positives" if is_won else "negatives"
            found[channel, week_of(score.at), kind if watermark >= end else "unknown"] += 1
    return found
