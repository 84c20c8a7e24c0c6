"""The process of one snapshot: its order in, its summary out, its exit code."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from schemas.errors import StartupError
from stream.snapshot import job as module
from stream.snapshot.job import main
from tests.unit.stream.snapshot.test_archive import SUMMARY
from tests.unit.stream.snapshot.test_request import START, order


@pytest.fixture
def priorities(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Calls that would change the priority of this process."""
    found: list[str] = []
    monkeypatch.setattr(module, "give_way", lambda: found.append("gave way"))
    return found


def run(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> tuple[Result, list[Any]]:
    taken: list[Any] = []

    async def take_snapshot(_: object, wanted: Any) -> Any:
        taken.append(wanted)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "take_snapshot", take_snapshot)
    return CliRunner().invoke(main, [order(START).model_dump_json()]), taken


def test_the_order_is_taken_and_its_summary_printed(
    monkeypatch: pytest.MonkeyPatch, priorities: list[str]
) -> None:
    result, taken = run(monkeypatch, SUMMARY)
    assert result.exit_code == 0
    assert taken == [order(START)]
    assert type(SUMMARY).model_validate_json(result.stdout) == SUMMARY
    assert priorities == ["gave way"]


def test_an_error_is_its_sentence_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, priorities: list[str]
) -> None:
    result, _ = run(monkeypatch, StartupError("expected the topic leads.created"))
    assert result.exit_code == 3
    assert "expected the topic leads.created" in result.output
    assert "Traceback" not in result.output
