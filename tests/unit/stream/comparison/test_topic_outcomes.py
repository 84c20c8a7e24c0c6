"""Outcomes of the topic are joined to leads by the rule of quality."""

from __future__ import annotations

import numpy as np
import orjson

from stream.comparison.topic_outcomes import join_outcomes, notes_on
from stream.outcomes.final_outcomes import FinalOutcomes, final_outcomes
from stream.settings import load_settings
from tests.unit.stream.comparison.lead_records import LeadRecord

DAY_MS = 86_400_000
AT = 1_700_000_000_000
SETTINGS = load_settings(outcome_horizon_days=10.0, outcome_late_days=2.0)


def gathered(*given: tuple[str, str, int]) -> FinalOutcomes:
    """Return outcomes: lead, word, days after AT."""
    found = final_outcomes(SETTINGS)
    found.add(
        [
            LeadRecord(
                orjson.dumps({"lead_id": lead, "outcome": word, "occurred_at": AT + days * DAY_MS}),
                timestamp=AT + days * DAY_MS,
            )
            for lead, word, days in given
        ]
    )
    return found


def test_a_lead_is_known_after_its_horizon_and_is_then_a_failure_without_an_outcome() -> None:
    found = gathered(("won", "won", 3), ("late", "won", 11), ("young", "won", 1))
    times = np.array([AT, AT, AT, AT + DAY_MS, np.nan])
    ids = ["won", "late", "none", "young", "undated"]
    joined = join_outcomes(SETTINGS, found, ids, times, AT + 10 * DAY_MS)
    assert joined.known.tolist() == [True, True, True, False, False]
    assert joined.positive.tolist() == [True, False, False, False, False]


def test_no_lead_has_no_outcome() -> None:
    joined = join_outcomes(SETTINGS, gathered(), [], np.empty(0), AT)
    assert len(joined.known) == 0


def test_the_rule_and_records_that_are_no_outcome_are_named() -> None:
    found = gathered(("a", "won", 1))
    assert "once 10 days have passed" in notes_on(SETTINGS, found)[0]
    found.add([LeadRecord(b"{}")])
    assert notes_on(SETTINGS, found)[1] == "Records of leads.outcomes that are no outcome: 1."
