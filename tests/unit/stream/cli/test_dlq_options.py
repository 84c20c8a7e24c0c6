"""Options that select dead letters, and places in a topic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from schemas.errors import InputError
from stream.cli.dlq_options import PLACE, selected, selection_options
from stream.dead_letters.letter import Place
from stream.dead_letters.selection import Selection, hashed


def run(*arguments: str) -> tuple[Result, list[Selection]]:
    found = []

    @click.command()
    @selection_options
    def command(**options: Any) -> None:
        found.append(selected(options))

    return CliRunner().invoke(command, list(arguments)), found


def selection_of(*arguments: str) -> Selection:
    result, [found] = run(*arguments)
    assert result.exit_code == 0, result.output
    return found


def test_without_options_all_letters_are_selected() -> None:
    assert selection_of() == Selection()


def test_options_become_a_selection() -> None:
    given = selection_of(
        *("--code", "type", "--code", "TIME", "--id", "ann"),
        *("--source", "2", "--source", "3/7", "--since", "6h", "--until", "2100-01-01"),
    )
    assert (given.codes, given.keys) == ({"TYPE", "TIME"}, hashed(["ann"]))
    assert given.sources == {(2, None), (3, 7)}
    ago = datetime.now(UTC).timestamp() * 1000 - (given.since_ms or 0)
    assert abs(ago - timedelta(hours=6).total_seconds() * 1000) < 60_000
    assert given.until_ms == 4_102_444_800_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--code", "ODD"), "'ODD' is not one of"),
        (("--source", "a"), "such as 2, or a place such as 2/4711"),
        (("--source", "2/"), "such as 2, or a place such as 2/4711"),
        (("--source", "-1"), "such as 2, or a place such as 2/4711"),
        (("--source", "12345678901"), "such as 2, or a place such as 2/4711"),
        (("--since", "soon"), "or how long ago"),
    ],
)
def test_a_value_that_no_letter_can_have_ends_it_with_2(
    arguments: tuple[str, ...], says: str
) -> None:
    result, found = run(*arguments)
    assert (result.exit_code, found) == (2, [])
    assert says in " ".join(result.output.replace("│", " ").split())


def test_a_place_is_a_partition_and_an_offset() -> None:
    assert PLACE.convert(" 2/4711 ", None, None) == Place(2, 4711)
    assert PLACE.convert(Place(0, 1), None, None) == Place(0, 1), "click converts defaults again"


@pytest.mark.parametrize("text", ["", "2", "2/", "/4", "2/-4", "2/4/1", "2/12345678901234567890"])
def test_another_text_is_no_place(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 2/4711"):
        PLACE.convert(text, None, None)


def test_a_range_of_time_that_is_empty_is_an_error() -> None:
    """It selected nothing, and said nothing."""
    result, found = run("--since", "1h", "--until", "6h")
    assert (type(result.exception), found) == (InputError, [])
    assert "exchange them" in str(result.exception)
    assert selection_of("--since", "6h", "--until", "1h").until_ms is not None
