"""Lag of a group on one partition, from offsets and the first visible record."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.lag.catch_up import NEVER, Rates
from stream.lag.figures import Backlog, GroupLag, LagState, Offsets, lag_from

NOW = 1_790_000_000.0
WHERE = "group", "topic", 3


def lag(
    committed: int | None,
    log_start: int = 0,
    end: int = 100,
    backlog: Backlog | None = None,
) -> GroupLag:
    return lag_from(WHERE, Offsets(committed, log_start, end), backlog, NOW)


def ago(seconds: float) -> int:
    return int((NOW - seconds) * 1000)


def test_the_age_of_the_first_visible_record_is_the_lag_in_seconds() -> None:
    found = lag(60, backlog=Backlog(40, True, ago(12)))
    assert (found.state, found.messages, found.seconds) == (LagState.BEHIND, 40, 12.0)


def test_nothing_is_behind_at_the_end() -> None:
    found = lag(100)
    assert (found.state, found.messages, found.seconds, found.eta) == (
        *(LagState.CAUGHT_UP, 0, 0.0),
        0.0,
    )
    assert found.is_exact


def test_offsets_without_a_visible_record_are_no_lag() -> None:
    found = lag(60, backlog=Backlog(0, True, None))
    assert (found.state, found.messages, found.seconds) == (LagState.CAUGHT_UP, 0, 0.0)


def test_without_a_commit_everything_is_unknown() -> None:
    found = lag(None)
    assert (found.state, found.messages, found.seconds, found.eta) == (
        *(LagState.NO_COMMIT, None, None),
        None,
    )
    assert not found.is_exact


def test_a_commit_beyond_the_end_is_no_lag_of_0() -> None:
    found = lag(500)
    assert (found.state, found.messages, found.seconds) == (LagState.BEYOND_END, None, None)


def test_expired_offsets_are_counted_apart() -> None:
    found = lag(10, log_start=70, backlog=Backlog(30, True, ago(5)))
    assert (found.messages, found.expired, found.position) == (30, 60, 70)


@pytest.mark.parametrize("stamp", [-1, 0, 1_000, ago(-7200)])
def test_an_implausible_time_stamp_makes_no_lag_of_decades(stamp: int) -> None:
    found = lag(60, backlog=Backlog(40, True, stamp))
    assert (found.messages, found.seconds) == (40, None)


def test_a_record_from_a_clock_that_is_ahead_has_no_negative_age() -> None:
    assert lag(60, backlog=Backlog(40, True, ago(-30))).seconds == 0.0


offsets = st.integers(0, 10**12)


@given(
    committed=st.none() | offsets,
    log_start=offsets,
    length=st.integers(0, 10**6),
    messages=st.integers(0, 10**6),
    stamp=st.none() | st.integers(-(2**63), 2**63 - 1),
    rates=st.none()
    | st.builds(Rates, st.floats(0, 1e9, allow_nan=False), st.floats(0, 1e9, allow_nan=False)),
)
def test_a_line_of_json_never_holds_nan_or_a_negative_lag(
    committed: int | None,
    log_start: int,
    length: int,
    messages: int,
    stamp: int | None,
    rates: Rates | None,
) -> None:
    found = lag(committed, log_start, log_start + length, Backlog(messages, True, stamp))
    line = orjson.dumps(found.with_rates(rates).as_record(NOW))
    record = json.loads(line, parse_constant=lambda word: pytest.fail(word))
    assert all(record[name] is None or record[name] >= 0 for name in ("messages", "seconds"))
    assert (record["messages"] is None) == (record["state"] in ("no_commit", "beyond_end"))
    assert (record["eta_seconds"] is None) == (record["eta"] in ("unknown", "never"))


def test_never_is_a_word_in_json_as_infinity_is_none() -> None:
    record = lag(60, backlog=Backlog(40, True, ago(1))).with_rates(Rates(1.0, 2.0)).as_record(NOW)
    assert (record["eta"], record["eta_seconds"]) == ("never", None)
    assert lag(100).with_rates(Rates(1.0, 2.0)).eta != NEVER
