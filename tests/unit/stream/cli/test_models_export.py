from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from model.bundle import Artefacts, Bundle
from model.registry import Registry
from stream.cli import models_export
from stream.cli.models import models
from stream.mlflow_server.publication import Published

Run = Callable[..., Result]


@pytest.fixture
def leadscore(tmp_path: Path, artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    registry.publish("bank", Artefacts(ubj=artefacts.ubj))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(models, ["export", *arguments, "--registry", registry.root])

    return run


def test_a_model_is_written_as_a_folder(leadscore: Run, tmp_path: Path) -> None:
    done = leadscore("bank/1", "--mlflow", "out")
    assert done.output == "bank version 1 is an MLflow model in out.\n"
    assert "MLmodel" in os.listdir(tmp_path / "out")
    assert (tmp_path / "out" / "README.md").read_text().startswith("# bank version 1")


def test_a_dry_run_writes_nothing(leadscore: Run, tmp_path: Path) -> None:
    done = leadscore("bank/1", "--mlflow", "out", "--dry-run", "--json")
    shown = json.loads(done.output)
    assert (shown["is_dry_run"], shown["folder"]) == (True, "out")
    assert "model.onnx" in shown["files"]
    assert os.listdir(tmp_path) == ["models"]


def test_an_existing_folder_is_not_written_into(leadscore: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    refused = leadscore("bank/1", "--mlflow", "out")
    assert refused.exit_code == 2
    assert "out should not exist" in refused.output


@pytest.mark.long
def test_a_model_without_onnx_is_refused(leadscore: Run) -> None:
    refused = leadscore("bank/2", "--mlflow", "out")
    assert refused.exit_code == 2
    assert "should have a model.onnx, but it has model.ubj" in refused.output


def test_an_interrupted_export_leaves_no_folder(
    leadscore: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        models_export, "mlflow_files", lambda *_: {"MLmodel": b"", "no/such/folder": b""}
    )
    assert leadscore("bank/1", "--mlflow", "out").exit_code == 2
    assert os.listdir(tmp_path) == ["models"]


def test_a_model_is_registered_on_a_server(leadscore: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, str]] = []

    async def publish(_: Any, bundle: Bundle, files: Any, experiment: str, __: Any) -> Published:
        asked.append((bundle.version, experiment, sorted(files)[0]))
        return Published("7", "run", is_new=len(asked) == 1)

    monkeypatch.setattr(models_export, "publish", publish)
    url = "https://anna:secret@mlflow:5000"
    done = leadscore("bank/1", "--mlflow", url)
    assert done.output == "bank version 1 is version 7 of bank on https://anna:***@mlflow:5000.\n"
    again = json.loads(leadscore("bank/1", "--mlflow", url, "--json").stdout)
    assert (again["mlflow_version"], again["is_new"]) == ("7", False)
    assert asked == [("1", "leadscore", "MLmodel")] * 2
    dry = leadscore("bank/1", "--mlflow", url, "--dry-run")
    assert "would be a version of bank" in dry.output
    assert len(asked) == 2
