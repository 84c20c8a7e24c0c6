"""The order of a snapshot: its range in Kafka's time, and its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from stream.snapshot.request import Order

START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def order(end: datetime) -> Order:
    return Order(
        start=START, end=end, sample=10, keep=2, output=Path("out"), workspace=Path("workspace")
    )


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))])
def test_name_and_range_do_not_depend_on_the_zone_that_times_are_given_in(zone: timezone) -> None:
    found = order(datetime(2026, 5, 1, 10, 30, 5, tzinfo=UTC).astimezone(zone))
    assert found.name == "2026-05-01T10-30-05Z"
    assert found.range.start == 1_777_626_000_000
    assert found.range.end == found.range.start + 5_405_000


def test_an_order_survives_json() -> None:
    made = order(START + timedelta(hours=1))
    assert Order.model_validate_json(made.model_dump_json()) == made
