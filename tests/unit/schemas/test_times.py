"""Times in ISO 8601 as milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.times import EARLIEST_MS, LATEST_MS, iso_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01", 1000),
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01 02:00:00+02:00", 0),
        ("1970-01-01T00:00:00.0015Z", 2),
        ("1969-12-31T23:59:59.999Z", -1),
        ("20240531T140500Z", 1_717_164_300_000),
    ],
)
def test_a_time_is_read_in_utc_unless_it_has_a_zone(text: str, ms: int) -> None:
    assert iso_ms(text) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "31.05.2024", "1717164300000"])
def test_other_text_is_no_time(text: str) -> None:
    assert iso_ms(text) is None


def test_a_zone_may_lead_beyond_the_calendar() -> None:
    assert iso_ms("0001-01-01T00:00:00+14:00") == EARLIEST_MS - 14 * 3_600_000
    assert iso_ms("9999-12-31T23:00:00-14:00") == LATEST_MS + 13 * 3_600_000


def test_the_limits_are_the_years_1_and_10000() -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    assert (first - epoch) / timedelta(milliseconds=1) == EARLIEST_MS
    assert (last - epoch) / timedelta(milliseconds=1) + 86_400_000 == LATEST_MS
