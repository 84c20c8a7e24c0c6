"""A change of leads is counted by what they counted for before, and count for now."""

from __future__ import annotations

from collections import Counter

import numpy as np

from agents.outcomes.change import Change
from agents.outcomes.change_counts import ChangeCounts
from agents.outcomes.cohorts import CohortKey, CohortRow
from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import LeadState, Score, week_of
from agents.outcomes.plain_leads import plain_leads
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from agents.outcomes.stored_concepts import FinalLead
from tests.unit.agents.outcomes.joins import MODEL
from tests.unit.agents.outcomes.lead_states import DAY, OPTIONS, outcome

AT = 30 * DAY
YOUNG = Score(0, AT, 1, 0.5, 0, 1, segments=(2,))
OLD = YOUNG._replace(is_matured=True)
ALL = CohortKey(0, MODEL, week_of(AT))
DUTCH = ALL._replace(segment=("country", "NL"))
UNKNOWN = CohortRow(0.5, None, "High")
WON = CohortRow(0.5, OutcomeKind.POSITIVE, "High")


def counts() -> ChangeCounts:
    names = StoredCohorts(MemoryStore())
    names.number_of(MODEL)
    names.number_of("High")
    names.segment_numbers(0, [("country", "NL")])
    return ChangeCounts(names, OPTIONS)


def won() -> LeadState:
    return LeadState([OLD], [outcome(31)])


def test_a_lead_that_matures_is_counted_otherwise_in_its_segment_too() -> None:
    found = counts()
    change = Change({b"a": won()}, {b"a": found.rows(LeadState([YOUNG], []))}, {})
    expected = Counter({UNKNOWN: -1, WON: 1})
    assert found.deltas(change) == {ALL: expected, DUTCH: expected}


def test_a_lead_that_is_dropped_stays_counted_and_is_final() -> None:
    found = counts()
    rows = found.rows(won())
    change = Change({b"a": LeadState([], [])}, {b"a": rows}, {}, final=[(AT, b"a", rows)])
    assert found.deltas(change) == {}
    assert found.final(change) == [FinalLead(AT, b"a", ALL, 0.5, True)]


def test_final_leads_come_in_the_order_of_times_then_of_leads_whoever_found_them() -> None:
    found = counts()
    lost = LeadState([OLD._replace(offset=2)], []).to_bytes()
    [plain], _ = plain_leads({b"a": lost, b"c": lost}, OPTIONS)
    rows = found.rows(won())
    change = Change({}, {}, {}, final=[(AT + 1, b"0", rows), (AT, b"b", rows)])
    change.dropped.append((plain, np.array([AT, AT])))
    final = found.final(change)
    assert [(lead.at - AT, lead.lead_id) for lead in final] == [
        *((0, b"a"), (0, b"b"), (0, b"c")),
        (1, b"0"),
    ]
    assert [lead.is_positive for lead in final] == [False, True, False, True]
    assert {lead.key for lead in final} == {ALL}


def test_plain_leads_are_counted_by_column() -> None:
    found = counts()
    [plain], _ = plain_leads({b"a": LeadState([YOUNG], []).to_bytes()}, OPTIONS)
    change = Change({}, {}, {}, counted=[(plain, False, -1), (plain, True, 1)])
    columns = list(found.columns(change))
    assert [(each.key, each.sign) for each in columns] == [
        *((ALL, -1), (DUTCH, -1)),
        *((ALL, 1), (DUTCH, 1)),
    ]
    assert [each.leads.outcomes.tolist() for each in columns] == [[-1], [-1], [0], [0]]
