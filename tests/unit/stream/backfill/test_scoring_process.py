"""A process that scores parts: it answers with accounts, or with an error and its message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.plan import Plan
from model.bundle import BundleError
from schemas.errors import InputError
from stream.backfill.scoring_process import answer, load_planned
from tests.unit.lake.data_sets import (
    expected_rows,
    plan_for,
    read_scores,
    request_for,
    write_leads,
)
from tests.unit.small_model import SmallModel


@pytest.fixture
def out(model: SmallModel, tmp_path: Path) -> Path:
    source = write_leads(tmp_path / "a.parquet", model.leads)
    plan = plan_for(model, request_for(source))
    Manifest(OutputFolder(str(tmp_path / "out"))).write_plan(plan)
    return tmp_path / "out"


def ask(out: Path, *lines: str) -> tuple[bool, list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    is_good = answer(str(out), lines, lambda line: said.append(orjson.loads(line)))
    return is_good, said


def test_parts_are_answered_with_their_accounts(model: SmallModel, out: Path) -> None:
    is_good, said = ask(out, "2\n", "0\n", "1\n", "3\n")
    assert is_good
    assert [message["part"]["part"] for message in said if "part" in message] == [2, 0, 1, 3]
    assert sum(message.get("rows", 0) for message in said) == 400
    assert read_scores(out) == expected_rows(model)


def test_rows_are_reported_while_a_part_is_scored(out: Path) -> None:
    said: list[dict[str, Any]] = []
    ticks = iter(range(1000))
    answer(str(out), ["0"], lambda line: said.append(orjson.loads(line)), lambda: next(ticks))
    assert [*said[0]] == ["rows"]
    assert sum(message.get("rows", 0) for message in said) == 100


def test_an_error_is_an_answer(out: Path, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"another")
    is_good, said = ask(out, "0\n", "1\n")
    assert not is_good
    assert said[-1]["error"] == "StartupError"
    assert "has changed" in said[-1]["message"]


def test_another_model_than_the_plan_s_is_refused(model: SmallModel, out: Path) -> None:
    plan = Manifest(OutputFolder(str(out))).plan()
    assert plan is not None
    assert load_planned(plan).sha256 == model.bundle.sha256
    with pytest.raises(InputError, match="expected the model of the plan"):
        load_planned(with_model(plan, sha256="0" * 64))
    with pytest.raises(InputError, match="manifest"):
        load_planned(with_model(plan, location=str(out)))


def test_a_model_that_its_trial_refuses_is_not_loaded(model: SmallModel, out: Path) -> None:
    def refuse(_: object) -> None:
        raise BundleError("it takes too much memory")

    plan = Manifest(OutputFolder(str(out))).plan()
    assert plan is not None
    with pytest.raises(InputError, match="too much memory"):
        load_planned(plan, refuse)


def with_model(plan: Plan, **values: str) -> Plan:
    return plan.model_copy(update={"model": plan.model.model_copy(update=values)})
