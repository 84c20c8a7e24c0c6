"""Options with a unit: rates, shares, spans of time, moments, amounts of memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from stream.cli.options import (
    DURATION,
    FOLDER_OR_URL,
    MEMORY,
    MOMENT,
    PAST,
    RATE,
    SHARE,
    SPEED,
    reading_options,
)


@pytest.mark.parametrize(
    ("option", "text", "expected"),
    [
        (RATE, "500/s", 500.0),
        (RATE, "0.5", 0.5),
        (SPEED, "1000x", 1000.0),
        (SHARE, "1%", 0.01),
        (SHARE, "0.25", 0.25),
        (SHARE, "100%", 1.0),
    ],
)
def test_numbers_may_have_their_unit(option: Any, text: str, expected: float) -> None:
    assert option.convert(text, None, None) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["nan", "101%", "-1%", "1/s"])
def test_a_share_is_a_share(text: str) -> None:
    with pytest.raises(click.BadParameter, match="a share from 0 to 1"):
        SHARE.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1.5h", 5400), ("15m", 900), ("7d", 604_800), (" 1h ", 3600)],
)
def test_a_span_of_time_is_a_number_with_its_unit(text: str, seconds: int) -> None:
    assert DURATION.convert(text, None, None) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "h", "1 hour", "-1h", "0s", "1w", "1e3s"])
def test_other_text_is_no_span_of_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 30m, 1h or 7d"):
        DURATION.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-31", datetime(2026, 5, 31, tzinfo=UTC)),
        ("2026-05-31T09:30", datetime(2026, 5, 31, 9, 30, tzinfo=UTC)),
        ("2026-05-31 09:30:00+02:00", datetime(2026, 5, 31, 7, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_utc_where_they_do_not_say(text: str, moment: Any) -> None:
    assert MOMENT.convert(text, None, None) == moment


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", ""])
def test_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a time such as"):
        MOMENT.convert(text, None, None)


def test_an_amount_of_memory_has_a_binary_unit() -> None:
    assert MEMORY.convert("512MiB", None, None) == 512 * 2**20
    assert MEMORY.convert("1.5 GiB", None, None) == 1536 * 2**20
    for text in ("2GB", "0MiB", "2", "-1GiB"):
        with pytest.raises(click.BadParameter, match="512MiB or 2GiB"):
            MEMORY.convert(text, None, None)


def test_a_past_time_is_a_moment_or_how_long_ago_it_was() -> None:
    assert PAST.convert("2026-05-31", None, None) == datetime(2026, 5, 31, tzinfo=UTC)
    ago = datetime.now(UTC) - PAST.convert("6h", None, None)
    assert abs(ago - timedelta(hours=6)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["soon", "0h", "6 hours"])
def test_other_text_is_no_past_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as"):
        PAST.convert(text, None, None)


def test_a_folder_must_exist_and_a_url_is_checked_later(tmp_path: Path) -> None:
    assert FOLDER_OR_URL.convert(str(tmp_path), None, None) == str(tmp_path)
    assert FOLDER_OR_URL.convert("s3://bucket/a", None, None) == "s3://bucket/a"
    with pytest.raises(click.BadParameter, match="does not exist"):
        FOLDER_OR_URL.convert(str(tmp_path / "missing"), None, None)


def test_options_are_listed_in_their_order_with_those_of_the_command_around_them() -> None:
    @click.command()
    @click.option("--first")
    @reading_options
    @click.option("--last")
    def read(**_: str) -> None:
        """Read nothing."""

    names = [option.name for option in read.params]
    assert names == ["first", "decimal", "dates", "missing", "last"]
