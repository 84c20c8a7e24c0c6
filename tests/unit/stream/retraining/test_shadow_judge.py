"""The verdict of a child process, or why there is none."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from agents.verdict.verdict import Decision
from schemas.errors import FatalError
from stream.retraining.shadow_judge import Question, judge_in_child

QUESTION = Question("leads", "1", "2", datetime(2026, 11, 29, 9, tzinfo=UTC))
COUNTS = '{"both": 5, "only_live": 1, "only_shadow": 0, "neither": 0}'


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import json, sys; {code}")


async def test_the_question_is_that_of_the_command_and_its_json_is_read() -> None:
    code = (
        "print(json.dumps({'decision': 'better', 'sentences': [' '.join(sys.argv[1:])], 'counts':"
        f" {COUNTS}}}))"
    )
    found = await judge_in_child(QUESTION, child(code))
    assert (found.decision, found.only_live, found.reached) == (Decision.BETTER, 1, 6)
    assert found.sentence == (
        "leads --live 1 --candidate 2 --from 2026-11-29T09:00:00+00:00 --json"
    )


async def test_an_error_is_its_last_line() -> None:
    code = "print('reading', file=sys.stderr); sys.exit('Error: no lead has both')"
    with pytest.raises(FatalError, match=r"^no lead has both \(exit code 1\)$"):
        await judge_in_child(QUESTION, child(code))


async def test_a_child_that_is_killed_is_an_error_with_its_signal() -> None:
    code = "import os; os.kill(os.getpid(), 9)"
    with pytest.raises(FatalError, match=r"no verdict \(exit code -9\)"):
        await judge_in_child(QUESTION, child(code))
