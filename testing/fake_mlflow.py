"""An MLflow tracking server in memory: the part of its REST API that a registration needs.

tests/integration/test_mlflow.py does the same with a real server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["FakeMlflow", "fake_mlflow"]

API = "/api/2.0/mlflow/"
LOCALHOST = "127.0.0.1"


@dataclass
class FakeMlflow:
    """The server's state.

    Attributes
    ----------
    url
        Its address.
    experiments, models
        Ids by name; versions by name of the registered model.
    runs
        Parameters, metrics and state of each run.
    files
        Artifacts by path.
    authorization
        The header that it requires; None: any.
    artifacts
        Address of the artifacts that it gives to runs.
    page
        Most versions of one answer.
    refused
        A call that it does not have.
    """

    url: str = ""
    experiments: dict[str, str] = field(default_factory=dict)
    models: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    authorization: str | None = None
    artifacts: str = "mlflow-artifacts:/0"
    page: int = 2
    refused: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request."""
        given = request.headers.get("Authorization")
        if self.authorization not in (None, given):
            return web.Response(status=401, text="You are not authenticated.")
        path = request.path.removeprefix(API)
        if request.method == "PUT":
            self.files[request.path.partition("/artifacts/")[2]] = await request.read()
            return web.json_response({})
        asked: Mapping[str, Any] = request.query if request.method == "GET" else {}
        if request.method == "POST":
            asked = await request.json()
        call = getattr(self, "_" + path.replace("/", "_").replace("-", "_"), None)
        if call is None or path == self.refused:
            return _error("ENDPOINT_NOT_FOUND", path, 404)
        answered: web.Response = call(asked)
        return answered

    def _experiments_get_by_name(self, asked: Mapping[str, Any]) -> web.Response:
        found = self.experiments.get(asked["experiment_name"])
        if found is None:
            return _error("RESOURCE_DOES_NOT_EXIST", "no experiment", 404)
        return web.json_response({"experiment": {"experiment_id": found}})

    def _experiments_create(self, asked: Mapping[str, Any]) -> web.Response:
        self.experiments[asked["name"]] = str(len(self.experiments) + 1)
        return web.json_response({"experiment_id": self.experiments[asked["name"]]})

    def _runs_create(self, asked: Mapping[str, Any]) -> web.Response:
        run_id = f"run{len(self.runs)}"
        self.runs[run_id] = dict(asked)
        info = {"run_id": run_id, "artifact_uri": f"{self.artifacts}/{run_id}/artifacts"}
        return web.json_response({"run": {"info": info}})

    def _runs_log_batch(self, asked: Mapping[str, Any]) -> web.Response:
        self.runs[asked["run_id"]] |= asked
        return web.json_response({})

    def _runs_update(self, asked: Mapping[str, Any]) -> web.Response:
        self.runs[asked["run_id"]] |= asked
        return web.json_response({})

    def _registered_models_create(self, asked: Mapping[str, Any]) -> web.Response:
        if asked["name"] in self.models:
            return _error("RESOURCE_ALREADY_EXISTS", "it exists", 400)
        self.models[asked["name"]] = []
        return web.json_response({})

    def _model_versions_search(self, asked: Mapping[str, Any]) -> web.Response:
        name = asked["filter"].removeprefix("name='").removesuffix("'")
        start = int(asked.get("page_token", 0))
        found, end = self.models[name], start + self.page
        token = {"next_page_token": str(end)} if end < len(found) else {}
        return web.json_response({"model_versions": found[start:end], **token})

    def _model_versions_create(self, asked: Mapping[str, Any]) -> web.Response:
        versions = self.models[asked["name"]]
        versions.append({**asked, "version": str(len(versions) + 1)})
        return web.json_response({"model_version": versions[-1]})


def _error(code: str, message: str, status: int) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)


@asynccontextmanager
async def fake_mlflow(**given: Any) -> AsyncIterator[FakeMlflow]:
    """Run a server on a free port until the body ends; the options are its attributes."""
    server = FakeMlflow(**given)
    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOCALHOST, 0)
        await site.start()
        server.url = f"http://{LOCALHOST}:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
