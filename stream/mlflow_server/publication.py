"""Registers a model on an MLflow server: a run with its files and figures, and a version of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model.bundle import Bundle
from stream.mlflow_server.client import MlflowClient, MlflowError

__all__ = ["Published", "publish"]

FOLDER = "model"
"""Folder of the files among the run's artifacts."""
SHA256, VERSION = "leadscore.sha256", "leadscore.version"
MISSING, EXISTING = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
LONGEST_PARAMETER = 500
"""Characters of a parameter that every MLflow takes."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a model is on the server.

    Attributes
    ----------
    version
        MLflow's version.
    run_id
        The run that has its files.
    is_new
        False if it was there before.
    """

    version: str
    run_id: str
    is_new: bool


async def publish(
    client: MlflowClient,
    bundle: Bundle,
    files: Mapping[str, bytes],
    experiment: str,
    now: datetime,
) -> Published:
    """Register a model, unless the server has it.

    The version is created last: what an interrupted call leaves is a run without one. A model is
    recognised by its SHA-256, a tag of its version.

    Parameters
    ----------
    client
        The server.
    bundle, files
        The model, and its files in MLflow's format.
    experiment
        Name of the experiment of the run; created where there is none.
    now
        Time of the run.

    Raises
    ------
    StartupError
        The server can't be reached, or refuses the credentials.
    InputError
        It does not take artifacts itself.
    MlflowError
        It refuses a request.
    """
    await _create_model(client, bundle.name)
    if (found := await find_version(client, bundle)) is not None:
        return found
    run = await client.post(
        "runs/create",
        experiment_id=await _experiment(client, experiment),
        run_name=f"{bundle.name}/{bundle.version}",
        start_time=_ms(now),
        tags=_tags(bundle),
    )
    info = run["run"]["info"]
    for name, content in files.items():
        await client.put_file(f"{info['artifact_uri']}/{FOLDER}", name, content)
    await client.post(
        "runs/log-batch",
        run_id=info["run_id"],
        params=_parameters(bundle),
        metrics=[
            {"key": key, "value": value, "timestamp": _ms(now), "step": 0}
            for key, value in _figures(bundle.metadata.metrics)
        ],
    )
    await client.post("runs/update", run_id=info["run_id"], status="FINISHED", end_time=_ms(now))
    version = await client.post(
        "model-versions/create",
        name=bundle.name,
        source=f"{info['artifact_uri']}/{FOLDER}",
        run_id=info["run_id"],
        tags=_tags(bundle),
    )
    return Published(str(version["model_version"]["version"]), info["run_id"], is_new=True)


async def find_version(client: MlflowClient, bundle: Bundle) -> Published | None:
    """Return the version on the server that is this model; None: it has none."""
    token = ""
    while True:
        found = await client.get(
            "model-versions/search",
            filter=f"name='{bundle.name}'",
            **({"page_token": token} if token else {}),
        )
        for version in found.get("model_versions", ()):
            tags = {tag["key"]: tag["value"] for tag in version.get("tags", ())}
            if tags.get(SHA256) == bundle.sha256:
                return Published(str(version["version"]), version.get("run_id", ""), is_new=False)
        if not (token := found.get("next_page_token") or ""):
            return None


async def _create_model(client: MlflowClient, name: str) -> None:
    try:
        await client.post("registered-models/create", name=name)
    except MlflowError as error:
        if error.code != EXISTING:
            raise


async def _experiment(client: MlflowClient, name: str) -> str:
    try:
        found = await client.get("experiments/get-by-name", experiment_name=name)
        return str(found["experiment"]["experiment_id"])
    except MlflowError as error:
        if error.code != MISSING:
            raise
    return str((await client.post("experiments/create", name=name))["experiment_id"])


def _tags(bundle: Bundle) -> list[dict[str, str]]:
    return [
        {"key": SHA256, "value": bundle.sha256},
        {"key": VERSION, "value": f"{bundle.name}/{bundle.version}"},
    ]


def _parameters(bundle: Bundle) -> list[dict[str, str]]:
    training = bundle.metadata.training
    given = {
        **training.parameters,
        "rows": training.rows,
        "positives": training.positives,
        "seed": training.seed,
    }
    return [{"key": key, "value": str(value)[:LONGEST_PARAMETER]} for key, value in given.items()]


def _figures(metrics: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """Yield the finite numbers of nested metrics, by their path."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{above}{name}/")
        elif isinstance(value, int | float) and math.isfinite(value):
            yield f"{above}{name}", float(value)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
