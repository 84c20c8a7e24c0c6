"""A way around offsets that a broker can't serve: none is left out, none is asked forever."""

from __future__ import annotations

import pytest
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError

from stream.fetch.aiokafka_internals import Fetched
from stream.fetch.unserved_offsets import Fetch, fetch_before, next_served

START, END = 100, 1000


def log_without(bad: range, empty: range = range(0)) -> Fetch:
    """A log from START to END, some of which is answered with an error, and some with nothing."""

    async def fetch(offset: int) -> Fetched:
        if not START <= offset <= END:
            raise OffsetOutOfRangeError({})
        if offset in bad:
            raise CorruptRecordException
        has_data = offset < END and offset not in empty
        return Fetched(b"%d" % offset if has_data else b"", END, ())

    return fetch


@pytest.mark.parametrize(
    ("bad", "empty", "found"),
    [
        pytest.param(range(500, 501), range(0), 501, id="one offset"),
        pytest.param(range(480, 530), range(0), 530, id="some"),
        pytest.param(range(500, 510), range(510, 525), 525, id="an error, then nothing"),
        pytest.param(range(500, END), range(0), END, id="up to the end"),
        pytest.param(range(500, 510), range(510, END), END, id="nothing up to the end"),
    ],
)
async def test_the_next_offset_that_is_served_follows_the_unserved_ones(
    bad: range, empty: range, found: int
) -> None:
    assert await next_served(log_without(bad, empty), 500) == found


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        pytest.param(range(497, 520), b"496", id="shortly before"),
        pytest.param(range(START + 1, 520), None, id="too much is damaged"),
        pytest.param(range(START, 520), None, id="from the log's start on"),
    ],
)
async def test_a_fetch_from_before_finds_the_batch_that_holds_the_offset(
    bad: range, found: bytes | None
) -> None:
    fetched = await fetch_before(log_without(bad), 500)
    assert (fetched and fetched.data) == found
