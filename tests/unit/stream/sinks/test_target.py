"""The target of a sink is named, or the error says how to name it."""

from __future__ import annotations

import pytest

from schemas.errors import StartupError
from stream.settings import Settings
from stream.sinks.target import target_of


def test_the_target_is_the_one_of_the_settings() -> None:
    assert target_of(Settings(sink_to="scores"), "a folder") == "scores"


def test_without_a_target_the_error_says_what_is_expected_and_how_to_name_it() -> None:
    with pytest.raises(StartupError, match=r"expected a folder: .*--to or LEADSCORE_SINK_TO"):
        target_of(Settings(), "a folder")
