from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest

from agents.drift_windows import WindowCounts, WindowKey
from stream.drift.window_table import Windows, all_sent, damaged_keys
from tests.unit.agents.drift_log import leads, partials_of

[PARTIAL, *_] = partials_of(leads(50))
KEY = str(WindowKey.from_partial(PARTIAL)).encode()


def window() -> bytes:
    counts = WindowCounts.empty_for(PARTIAL)
    counts.add(PARTIAL)
    return counts.encode()


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"\x00\xff", b"{}", b"null", b"5", b"[" * 5000, b'{"format_version": 99}'),
        window().replace(b'"open":[', b'"open":[[0]],"open":[['),
        window().replace(b'"closed":[0,', b'"closed":[[],'),
        window().replace(b'"closed":[0,', b'"closed":[-1,'),
        window().replace(b'"window_ms":', b'"window_ms":0.'),
    ],
)
def test_bytes_that_are_no_window_are_damaged(value: bytes) -> None:
    assert damaged_keys({KEY: value}) == [KEY]


@pytest.mark.parametrize("key", [b"", b"\xff", b"a/b", b"a/b/c", b"a/1/2/3"])
def test_bytes_that_are_no_key_are_damaged(key: bytes) -> None:
    assert damaged_keys({key: window()}) == [key]


def test_a_window_is_not() -> None:
    assert damaged_keys({KEY: window()}) == []


def test_nothing_is_written_before_all_is_counted_again() -> None:
    table: Any = {KEY: b"damaged", b"\xff": b"strange", b"a/1/2": b"well"}
    before = copy.copy(table)
    table[b"a/1/3"] = before[b"a/1/3"] = b"closed meanwhile"
    windows = Windows(table, [KEY, b"\xff"])
    assert windows == {"a/1/2": b"well", "a/1/3": b"closed meanwhile"}
    assert windows.pop("a/1/3") == b"closed meanwhile"
    windows[KEY.decode()] = b"a part of it"
    assert table == before
    windows[KEY.decode()] = b"all of it"
    assert table == before
    windows.repaired()
    assert table == {KEY: b"all of it", b"a/1/2": b"well"}
    windows["a/1/2"] = b"more"
    assert table[b"a/1/2"] == b"more"


async def test_a_stop_amid_a_write_leaves_the_write_to_its_producer() -> None:
    write = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(all_sent([write]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    write.set_result(None)
