"""Conformance test of the stores of the outcome join: run by the tests of each."""

from __future__ import annotations

from collections.abc import Callable

from agents.outcomes.store import OutcomeStore

__all__ = ["CHECKS"]

Open = Callable[[], OutcomeStore]
"""Opens the store; again after `close`, with what was written."""


def puts_are_read(open_store: Open) -> None:
    store = open_store()
    store.write({b"a": b"1", b"b": b""}, [])
    assert list(store.get([b"b", b"a", b"c"])) == [b"", b"1", None]
    assert list(store.get([])) == []
    store.close()


def what_was_written_is_there_after_a_restart(open_store: Open) -> None:
    store = open_store()
    store.write({b"a": b"1"}, [])
    store.close()
    store = open_store()
    assert list(store.get([b"a"])) == [b"1"]
    store.close()


def deletes_come_before_puts(open_store: Open) -> None:
    store = open_store()
    store.write({b"a": b"1", b"b": b"2"}, [])
    store.write({b"a": b"3"}, [b"a", b"b", b"never there"])
    assert list(store.get([b"a", b"b"])) == [b"3", None]
    store.close()


def a_range_is_scanned_in_order(open_store: Open) -> None:
    store = open_store()
    keys = [b"q\x00\x01", b"q\x00\xff", b"q\x01", b"qa", b"r"]
    store.write({key: key[::-1] for key in reversed(keys)}, [])
    assert list(store.scan(b"q", b"r", 10)) == [(key, key[::-1]) for key in keys[:4]]
    assert [key for key, _ in store.scan(b"q\x00\x02", b"qa", 10)] == keys[1:3]
    assert [key for key, _ in store.scan(b"q", b"r", 2)] == keys[:2]
    assert list(store.scan(b"x", b"y", 10)) == []
    store.close()


CHECKS = (
    puts_are_read,
    what_was_written_is_there_after_a_restart,
    deletes_come_before_puts,
    a_range_is_scanned_in_order,
)
