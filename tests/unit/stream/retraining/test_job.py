"""The child's program: lines of JSON for steps, account and errors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from schemas.errors import FatalError
from stream.retraining import job
from stream.retraining.plan import RetrainAccount, RetrainPlan
from tests.unit.stream.retraining.records import plan


def said(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> tuple[int, list[Any]]:
    async def execute(_: Any, own: RetrainPlan, on_step: Callable[[str], None]) -> RetrainAccount:
        on_step("reading leads")
        if error is not None:
            raise error
        return RetrainAccount(outcome="passed", sentence=own.id)

    monkeypatch.setattr(job, "execute", execute)
    out = io.StringIO()
    code = job.run(plan("r7").model_dump_json().encode(), out)
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_steps_and_the_account_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    code, [step, end] = said(monkeypatch)
    assert (code, step) == (0, {"step": "reading leads"})
    assert (end["account"]["outcome"], end["account"]["sentence"]) == ("passed", "r7")


def test_an_error_is_written_with_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = said(monkeypatch, FatalError("Kafka stopped"))
    assert (code, lines[-1]) == (1, {"error": "Kafka stopped"})
