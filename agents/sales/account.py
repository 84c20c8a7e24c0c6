"""Roll-up of the scores of an account's leads: best, sum, count, last, and a sum that decays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from agents.sales.rules import AccountRule

__all__ = ["MOST_LEADS", "AccountScores", "LeadScore", "account_of"]

MOST_LEADS = 1000
"""Leads of an account that are kept; those that were not scored for longest are dropped first."""
DAY_MS = 86_400_000
HOT = "High"


class LeadScore(NamedTuple):
    """The latest score of a lead.

    Attributes
    ----------
    score, category
        The score.
    scored_at
        Milliseconds since 1970.
    """

    score: float
    category: str
    scored_at: int


def account_of(lead: Mapping[str, Any], rule: AccountRule) -> str | None:
    """Return the account of a lead; None if it has none.

    Examples
    --------
    >>> rule = AccountRule(field="email", by_domain=True)
    >>> account_of({"email": "Ada@Example.com "}, rule)
    'example.com'
    >>> account_of({"email": "ada@gmail.com"}, rule) is None
    True
    """
    value = lead.get(rule.field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    if not rule.by_domain:
        return value.strip()
    domain = _domain(value.strip())
    return domain if domain and domain not in rule.ignore else None


def _domain(text: str) -> str | None:
    """Return the domain of a mail address, a URL or a domain, in lower case."""
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None
    found = (host or "").removeprefix("www.").rstrip(".")
    return found if "." in found else None


@dataclass(slots=True)
class AccountScores:
    """The latest scores of an account's leads.

    Attributes
    ----------
    leads
        By lead, in the order of their scores' times as far as they came in it.
    dropped
        Leads beyond ``MOST_LEADS``; they are in no sum.
    """

    leads: dict[str, LeadScore] = field(default_factory=dict)
    dropped: int = 0

    def add(self, lead_id: str, score: LeadScore) -> bool:
        """Add a score, and return whether that changes anything: an older one does not."""
        known = self.leads.get(lead_id)
        if known is not None and known.scored_at >= score.scored_at:
            return False
        self.leads.pop(lead_id, None)  # it moves to the end
        self.leads[lead_id] = score
        if len(self.leads) > MOST_LEADS:
            oldest = min(self.leads, key=lambda each: self.leads[each].scored_at)
            del self.leads[oldest]
            self.dropped += 1
        return True

    def remove(self, lead_id: str) -> bool:
        """Remove a lead that belongs to another account now; return whether it was here."""
        return self.leads.pop(lead_id, None) is not None

    def summary(self, rule: AccountRule) -> dict[str, Any]:
        """Return the roll-up, as of the latest score: a function of the scores alone."""
        if not self.leads:
            return {"leads": 0}
        best = max(self.leads, key=lambda each: (self.leads[each].score, each))
        last = max(self.leads, key=lambda each: (self.leads[each].scored_at, each))
        scores = self.leads.values()
        as_of = self.leads[last].scored_at
        return {
            "leads": len(self.leads) + self.dropped,
            "hot": sum(score.category == HOT for score in scores),
            "best_score": self.leads[best].score,
            "best_lead_id": best,
            "sum": round(sum(score.score for score in scores), 6),
            "decayed_sum": round(sum(_decayed(score, as_of, rule) for score in scores), 6),
            "last_lead_id": last,
            "last_score": self.leads[last].score,
            "last_scored_at": as_of,
        }


def _decayed(score: LeadScore, as_of: int, rule: AccountRule) -> float:
    days = (as_of - score.scored_at) / DAY_MS
    return float(score.score * 0.5 ** (days / rule.half_life_days))
