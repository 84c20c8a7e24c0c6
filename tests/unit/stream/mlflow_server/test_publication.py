"""A model on an MLflow server: a run, its files and figures, and a version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.errors import InputError
from stream.mlflow_server.client import MlflowError, connected
from stream.mlflow_server.publication import Published, publish
from testing.fake_mlflow import FakeMlflow, fake_mlflow
from tests.unit.small_model import SmallModel

NOW = datetime(2026, 5, 31, 9, 30, tzinfo=UTC)
FILES = {"MLmodel": b"{}", "model.onnx": b"onnx"}


async def published(server: FakeMlflow, model: SmallModel, sha256: str | None = None) -> Published:
    bundle = replace(model.bundle, sha256=sha256 or model.bundle.sha256)
    async with connected(f"{server.url}/") as client:
        return await publish(client, bundle, FILES, "leads", NOW)


async def test_a_model_is_a_finished_run_with_its_files_and_a_version(model: SmallModel) -> None:
    async with fake_mlflow() as server:
        found = await published(server, model)
        assert found == Published("1", "run0", is_new=True)
        assert server.files == {f"0/run0/artifacts/model/{name}": FILES[name] for name in FILES}
        [version] = server.models[model.bundle.name]
        assert version["source"] == "mlflow-artifacts:/0/run0/artifacts/model"
        run = server.runs["run0"]
    assert run["status"] == "FINISHED"
    assert {"key": "leadscore.sha256", "value": model.bundle.sha256} in version["tags"]
    assert {"key": "rows", "value": "400"} in run["params"]
    assert [(m["key"], m["value"]) for m in run["metrics"]] == [("auc", 0.8)]
    assert server.experiments == {"leads": run["experiment_id"]}


async def test_a_model_that_is_there_is_not_sent_again(model: SmallModel) -> None:
    async with fake_mlflow() as server:
        versions = [await published(server, model, str(at) * 64) for at in range(5)]
        assert [found.version for found in versions] == ["1", "2", "3", "4", "5"]
        again = await published(server, model, "4" * 64)
        assert again == replace(versions[4], is_new=False), "on a later page of the answer"
        assert len(server.runs) == 5
        assert len(server.experiments) == 1


async def test_a_server_that_takes_no_artifacts_gets_no_version(model: SmallModel) -> None:
    async with fake_mlflow(artifacts="s3://bucket") as server:
        with pytest.raises(InputError, match="--serve-artifacts"):
            await published(server, model)
        assert server.models == {model.bundle.name: []}


async def test_a_refusal_has_the_servers_words(model: SmallModel) -> None:
    async with fake_mlflow(refused="runs/create") as server:
        with pytest.raises(MlflowError, match=r"answered 404: runs/create"):
            await published(server, model)
