"""Entries are found in the order of times, then of leads."""

from __future__ import annotations

import numpy as np

from agents.outcomes.due_queue import DueQueue, lead_of, time_of
from agents.outcomes.store import MemoryStore


class Queue:
    """A queue, and writes as a join makes them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.queue = DueQueue(self.store, b"q")

    def put(self, due: int, lead_id: bytes) -> None:
        self.store.write({self.queue.key(due, lead_id): b"state"}, ())

    def take(self, until: int, most: int = 10) -> list[tuple[int, bytes]]:
        entries = self.queue.due(until, most)
        assert all(value == b"state" for _, value in entries)
        self.store.write({}, [key for key, _ in entries])
        return [(time_of(key), lead_of(key)) for key, _ in entries]


def test_entries_come_in_order_and_as_many_as_are_asked_for() -> None:
    place = Queue()
    for due, lead_id in ((300, b"a"), (7, b"b"), (7, b"a"), (301, b"a")):
        place.put(due, lead_id)
    assert place.take(6) == []
    assert place.take(300, 2) == [(7, b"a"), (7, b"b")]
    assert place.take(300, 2) == [(300, b"a")]
    assert place.take(300) == []
    assert place.take(2**40) == [(301, b"a")]


def test_an_entry_before_those_that_were_taken_is_found() -> None:
    place = Queue()
    place.put(100, b"a")
    assert place.take(200) == [(100, b"a")]
    assert place.take(200) == []
    place.put(50, b"z")
    place.put(50, b"b")
    assert place.take(200) == [(50, b"b"), (50, b"z")]
    assert place.take(200) == []


def test_a_queue_is_read_from_the_start_when_its_store_is_opened_again() -> None:
    place = Queue()
    place.put(100, b"a")
    place.queue.due(100, 1)  # found, but not written
    place.queue = DueQueue(place.store, b"q")
    assert place.take(100) == [(100, b"a")]


def test_keys_of_many_leads_are_those_of_each_and_are_found() -> None:
    place = Queue()
    due = np.array([2**41, 0, -5, 77])
    ids = [b"a", b"b", "ü".encode(), b""]
    place.put(50, b"x")
    assert place.take(50) == [(50, b"x")]
    keys = place.queue.keys(due, ids)
    assert keys == [place.queue.old_key(at, one) for at, one in zip(due.tolist(), ids, strict=True)]
    place.store.write(dict.fromkeys(keys, b"state"), ())
    assert place.take(100) == [(0, b"b"), (0, "ü".encode()), (77, b"")]
    assert place.queue.keys(due[:0], []) == []
