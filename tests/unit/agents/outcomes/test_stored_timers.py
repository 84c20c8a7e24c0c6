"""Timers in a store: whoever is killed, each lead that is overdue by a recount is found once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead
from agents.outcomes.kinds import OutcomeKinds
from agents.outcomes.lead_state import JoinOptions
from agents.outcomes.lead_timers import HOT, SPEED_TO_LEAD, TimerOptions
from agents.outcomes.partition_join import PartitionJoin
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_timers import Found, StoredTimers
from schemas.lead_outcome import LeadOutcome
from schemas.model_identity import ModelIdentity

MODEL = ModelIdentity("leads", "3", "9f")
LENGTHS = {HOT: 10, SPEED_TO_LEAD: 20}
OPTIONS = TimerOptions(LENGTHS, frozenset({"high"}), kept_ms=10_000)
JOIN = JoinOptions(horizon_ms=1000, late_ms=100)
KINDS = OutcomeKinds(["won"], ["lost"])
LEADS = (b"A", b"B", b"C")
END = 10_000

Score = tuple[bytes, int, str]
Touch = tuple[bytes, int]


def joined(store: MemoryStore) -> PartitionJoin:
    return PartitionJoin(store, JOIN, KINDS, None, StoredTimers(store, OPTIONS))


def add_scores(join: PartitionJoin, first: int, scores: Sequence[Score]) -> None:
    rows = [
        ScoredLead(lead, at, first + n, 0.9, band, MODEL, created=at // 50 * 50)
        for n, (lead, at, band) in enumerate(scores)
    ]
    join.add_scores(0, rows, first, first + len(rows))


def add_touches(join: PartitionJoin, first: int, touches: Sequence[Touch]) -> None:
    rows = [
        ArrivedOutcome(LeadOutcome(lead.decode(), "called", at), first + n, at)
        for n, (lead, at) in enumerate(touches)
    ]
    join.add_outcomes(rows, first, first + len(rows))


def expected(scores: Sequence[Score], touches: Sequence[Touch]) -> set[tuple[bytes, str, int]]:
    """Recount: lead, timer and beginning of what is overdue."""
    found = set()
    for lead in LEADS:
        own = [(at, band) for its, at, band in scores if its == lead]
        was_hot, created = False, None
        for place, (at, band) in enumerate(own):
            is_hot, cold = band == "High", [t for t, other in own[place:] if other != "High"]
            starts = []
            if is_hot and not was_hot:
                starts.append((HOT, at))
            if is_hot and created != at // 50 * 50:
                created = at // 50 * 50
                starts.append((SPEED_TO_LEAD, created))
            was_hot = is_hot
            for timer, since in starts:
                length = LENGTHS[timer]
                begins_anew = [
                    t
                    for t, other in own[place + 1 :]
                    if t // 50 * 50 != created and other == "High"
                ]
                ends = [*cold[:1], *(begins_anew[:1] if timer == SPEED_TO_LEAD else [])]
                is_cool = any(t < since + length for t in ends)
                is_touched = any(
                    its == lead and since - length <= t <= since + length for its, t in touches
                )
                if not is_cool and not is_touched:
                    found.add((lead, timer, since))
    return found


steps = st.lists(st.sampled_from(["scores", "touches", "look", "kill", "publish"]), max_size=40)
gaps = st.lists(
    st.tuples(st.sampled_from(LEADS), st.integers(1, 9), st.sampled_from(["High", "Low"])),
    max_size=25,
)
touch_times = st.lists(st.tuples(st.sampled_from(LEADS), st.integers(0, 200)), max_size=12)


@given(gaps, touch_times, steps, st.integers(1, 4))
def test_whatever_is_killed_each_lead_that_is_overdue_is_found_once(
    moves: list[tuple[bytes, int, str]], given_touches: list[Touch], order: list[str], size: int
) -> None:
    scores: list[Score] = []
    now = 0
    for lead, gap, band in moves:
        now += gap
        scores.append((lead, now, band))
    touches = sorted(given_touches, key=lambda touch: touch[1])
    store = MemoryStore()
    join, read, seen = joined(store), 0, 0
    published = Counter[tuple[bytes, str, int]]()

    def read_scores() -> None:
        nonlocal read, seen
        part = scores[read : read + size]
        until = part[-1][1] if part else END
        known = [n for n, (_, at) in enumerate(touches) if at <= until]  # at least: written before
        stop = max(seen, len(known))
        add_touches(join, seen, touches[seen:stop])
        seen = stop
        add_scores(join, read, part)
        read += len(part)

    def publish() -> None:
        assert join.timers is not None
        for found in join.timers.overdue(100):
            published[found.lead_id, found.overdue.timer, found.overdue.since] += 1
            join.timers.published([found.key])

    for step in [*order, *["scores"] * len(scores), "look", "publish"]:
        assert join.timers is not None
        if step == "scores":
            read_scores()
        elif step == "touches":
            add_touches(join, seen, touches[seen : seen + 1])
            seen = min(len(touches), seen + 1)
        elif step == "look":
            is_read = read == len(scores)
            join.timers.decide(END if is_read and seen == len(touches) else join.progress.watermark)
        elif step == "kill":
            join = joined(store)
        else:
            publish()
    read_scores()
    assert join.timers is not None
    join.timers.decide(END)
    publish()
    assert published == dict.fromkeys(expected(scores, touches), 1)


def found_in(join: PartitionJoin) -> list[Found]:
    assert join.timers is not None
    return join.timers.overdue(10)


def test_timers_of_before_a_join_without_timers_are_dropped() -> None:
    store = MemoryStore()
    add_scores(joined(store), 0, [(b"A", 100, "High")])
    without = PartitionJoin(store, JOIN, KINDS)
    add_touches(without, 0, [(b"A", 105)])
    again = joined(store)
    assert again.timers is not None
    again.timers.decide(END)
    assert found_in(again) == [], "whether somebody contacted it is not known"
    add_scores(again, 1, [(b"A", 200, "High")])
    again.timers.decide(300)
    assert [found.overdue.since for found in found_in(again)] == [200, 200]


def test_leads_that_were_quiet_for_long_are_dropped() -> None:
    store = MemoryStore()
    join = joined(store)
    add_scores(join, 0, [(b"A", 100, "High"), (b"B", 100, "Low")])
    add_touches(join, 0, [(b"C", 100)])
    assert join.timers is not None
    assert len(store.scan(b"t", b"u", 10)) == 2, "nothing is kept of a lead that was never hot"
    join.timers.decide(100 + OPTIONS.kept_ms)
    assert store.scan(b"t", b"u", 10) == store.scan(b"y", b"z", 10) == []


def test_nothing_is_read_from_the_store_before_something_is_due() -> None:
    store = MemoryStore()
    join = joined(store)
    add_scores(join, 0, [(b"A", 100, "High")])
    timers = join.timers
    assert timers is not None
    timers.decide(105)
    assert timers.queue.next_due == 110
    scans: list[bytes] = []
    store.scan = lambda start, stop, most: scans.append(start) or []  # type: ignore[method-assign, func-returns-value, assignment]
    timers.decide(109)
    assert scans == []


def test_a_lead_that_was_hot_for_a_moment_is_not_created_again() -> None:
    store = MemoryStore()
    add_scores(joined(store), 0, [(b"A", 1, "High"), (b"A", 2, "Low")])
    join = joined(store)
    add_scores(join, 2, [(b"A", 3, "High")])
    assert join.timers is not None
    join.timers.decide(END)
    assert [found.overdue.timer for found in found_in(join)] == [HOT]
