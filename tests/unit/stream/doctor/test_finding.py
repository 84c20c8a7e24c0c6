"""Findings of checks, and what a check gets."""

from __future__ import annotations

import pytest

from stream.doctor.finding import Check, Finding, Level, Surroundings, fail, ok, warn
from stream.settings import Settings


def test_a_finding_has_the_level_of_the_function_that_made_it() -> None:
    assert ok("fine") == Finding(Level.OK, "fine", "")
    assert warn("low", "free space") == Finding(Level.WARN, "low", "free space")
    assert fail("full", "free space") == Finding(Level.FAIL, "full", "free space")


def test_the_words_of_the_levels_are_those_of_the_report() -> None:
    assert [str(level) for level in Level] == ["ok", "warn", "fail"]


def test_a_check_gets_the_variables_of_this_process_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADSCORE_TYPO", "1")
    assert Surroundings(Settings(), None).environment["LEADSCORE_TYPO"] == "1"
    assert Surroundings(Settings(), None, {}).environment == {}


def test_a_check_needs_kafka_unless_it_says_otherwise() -> None:
    async def nothing(_: Surroundings) -> list[Finding]:
        return []

    assert Check("topics", nothing).needs_cluster
    assert not Check("disk", nothing, needs_cluster=False).needs_cluster
