"""Which time stamps of records are times."""

import numpy as np
import pytest

from schemas.record_time import AHEAD_MS, EARLIEST_MS, age_ms, are_plausible

NOW = 1_760_000_000_000
CASES = [
    (-(2**63), False),
    (-1, False),
    (0, False),
    (NOW // 1000, False),  # seconds
    (EARLIEST_MS - 1, False),
    (EARLIEST_MS, True),
    (NOW - 1, True),
    (NOW + AHEAD_MS, True),
    (NOW + AHEAD_MS + 1, False),
    (NOW * 1000, False),  # microseconds
    (2**63 - 1, False),
]


@pytest.mark.parametrize(("timestamp", "is_plausible"), CASES)
def test_an_invalid_time_has_no_age(timestamp: int, is_plausible: bool) -> None:
    assert are_plausible(np.array([timestamp]), NOW).tolist() == [is_plausible]
    assert (age_ms(timestamp, NOW) is not None) is is_plausible


def test_a_clock_that_is_a_little_behind_makes_no_negative_age() -> None:
    assert age_ms(NOW + 50, NOW) == 0.0
    assert age_ms(NOW - 50, NOW) == 50.0
