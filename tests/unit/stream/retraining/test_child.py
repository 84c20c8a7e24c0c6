"""A plan runs in a child process, whose account, error or death the parent learns."""

from __future__ import annotations

import sys

import pytest

from schemas.errors import FatalError
from stream.retraining.child import run_in_child
from tests.unit.stream.retraining.records import plan

READ = "import json, os, sys; plan = json.load(sys.stdin); "
ACCOUNT = '{"account": {"outcome": "passed", "sentence": plan["id"]}}'


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", READ + code)


async def test_the_account_and_the_steps_arrive() -> None:
    steps: list[str] = []
    say = f'print(json.dumps({{"step": "reading"}})); print(json.dumps({ACCOUNT}))'
    account = await run_in_child(plan("r7"), steps.append, child(say))
    assert (account.outcome, account.sentence, steps) == ("passed", "r7", ["reading"])


async def test_an_error_is_raised_with_its_sentence() -> None:
    with pytest.raises(FatalError, match="Kafka stopped"):
        await run_in_child(plan(), print, child('print(json.dumps({"error": "Kafka stopped"}))'))


async def test_a_child_that_is_killed_is_an_error_with_its_signal() -> None:
    with pytest.raises(FatalError, match="code -9"):
        await run_in_child(plan(), print, child("os.kill(os.getpid(), 9)"))
