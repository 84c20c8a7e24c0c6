"""--high, --medium and --engagement: what is read, and what is refused."""

from __future__ import annotations

import pytest

from schemas.errors import InputError
from stream.cli.band_options import band_rule, engagement_range


@pytest.mark.parametrize(
    ("text", "by", "value"),
    [
        ("10%", "share", 0.1),
        ("2.5 %", "share", 0.025),
        ("100%", "share", 1.0),
        ("0.7", "score", 0.7),
        ("0", "score", 0.0),
        ("1", "score", 1.0),
        (".4", "score", 0.4),
        ("2.5x", "lift", 2.5),
        ("3X", "lift", 3.0),
        ("30/400", "capacity", 0.075),
        ("400/400", "capacity", 1.0),
    ],
)
def test_a_band_is_a_share_a_score_a_lift_or_a_capacity(text: str, by: str, value: float) -> None:
    rule = band_rule(text, "--high")
    assert (rule.by, rule.text) == (by, text)
    assert rule.value == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "30", "1.01", "0%", "101%", "-1", "nan", "inf", "0x", "1e999x", "30/0", "3/2", "a"]
)
def test_other_text_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(InputError, match=r"--medium .* such as 10%.*0\.7.*2\.5x.*30/400"):
        band_rule(text, "--medium")


def test_the_healthy_range_is_two_numbers() -> None:
    assert engagement_range("0.02-0.1").high == 0.1
    with pytest.raises(InputError, match="lower one first"):
        engagement_range("nan-1")
