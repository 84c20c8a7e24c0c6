from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from model.bundle import Artefacts
from model.registry import Registry
from stream.cli.models import models

Run = Callable[..., Result]


@pytest.fixture
def leadscore(tmp_path: Path, artefacts: Artefacts) -> Run:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", Artefacts(onnx=artefacts.onnx))

    def run(*arguments: str) -> Result:
        given = ["benchmark", *arguments, "--seconds", "0.01", "--registry", registry.root]
        return CliRunner().invoke(models, given)

    return run


def test_each_engine_has_its_times_or_the_reason_why_there_are_none(leadscore: Run) -> None:
    done = leadscore("bank", "--json")
    assert done.exit_code == 0
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["model"] for line in found} == {"bank"}
    by_onnx = [line for line in found if line["engine"] == "onnx"]
    assert [line.get("leads") for line in by_onnx] == [1, 10, 100, 500, 2000, None]
    [of_xgboost] = [line for line in found if line["engine"] == "xgboost"]
    assert of_xgboost["why_not"] == "the model has no model.ubj"


def test_people_see_a_table(leadscore: Run) -> None:
    shown = leadscore("bank").stdout
    assert "bank version 1" in shown
    assert "2,000" in shown
    assert "onnx: " in shown
    assert "xgboost: not measured: the model has no model.ubj" in shown


def test_a_model_that_is_not_there_ends_with_2(leadscore: Run) -> None:
    assert leadscore("nobody").exit_code == 2
