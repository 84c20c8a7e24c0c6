"""A change takes the writes of others with it."""

from __future__ import annotations

from agents.outcomes.change import Change
from agents.outcomes.stored_timers import TimerWrites


def test_writes_of_timers_are_included() -> None:
    change = Change({}, {}, {}, puts={b"k": b"1"}, deletes=[b"d"])
    change.include(TimerWrites({b"t": b"2"}, [b"e"]))
    assert (change.puts, change.deletes) == ({b"k": b"1", b"t": b"2"}, [b"d", b"e"])
