"""Requests to an MLflow server: its credentials, and how they fail."""

from __future__ import annotations

import base64

import pytest

from schemas.errors import StartupError
from stream.mlflow_server.client import MlflowError, connected
from testing.fake_mlflow import fake_mlflow

BASIC = "Basic " + base64.b64encode(b"anna:secret").decode()


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        ({"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
        (
            {"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "secret"},
            BASIC,
        ),
    ],
    ids=["token", "password"],
)
async def test_mlflows_own_variables_are_the_credentials(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], header: str
) -> None:
    async with fake_mlflow(authorization=header) as server:
        async with connected(server.url) as client:
            with pytest.raises(StartupError, match="MLFLOW_TRACKING_TOKEN"):
                await client.post("experiments/create", name="leads")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        async with connected(server.url) as client:
            assert await client.post("experiments/create", name="leads") == {"experiment_id": "1"}


async def test_an_error_has_the_servers_code_and_sentence() -> None:
    async with fake_mlflow() as server, connected(server.url) as client:
        with pytest.raises(MlflowError, match="404: no experiment") as refused:
            await client.get("experiments/get-by-name", experiment_name="gone")
        assert refused.value.code == "RESOURCE_DOES_NOT_EXIST"


async def test_no_server_is_one_sentence_without_the_password() -> None:
    async with fake_mlflow() as server:
        url = server.url.replace("://", "://anna:secret@")
    async with connected(url) as client:
        with pytest.raises(StartupError, match="expected an MLflow server") as refused:
            await client.get("experiments/get-by-name", experiment_name="leads")
    assert "secret" not in str(refused.value)
