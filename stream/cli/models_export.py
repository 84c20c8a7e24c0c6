"""`leadscore models export`: a model in the format of another registry."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import click

from model.bundle import Bundle
from model.mlflow_files import mlflow_files
from model.registry import Registry
from schemas.display import for_terminal
from schemas.errors import InputError
from schemas.urls import mask_url
from stream.cli.models_card import card_from
from stream.cli.models_options import AS_JSON, DRY_RUN, REGISTRY, loaded
from stream.cli.output import print_json
from stream.mlflow_server.client import connected
from stream.mlflow_server.publication import Published, publish
from stream.model_card.markdown import render_markdown
from stream.process.exit_codes import exit_codes

__all__ = ["export"]


@click.command()
@click.argument("model")
@click.option(
    "--mlflow",
    "target",
    required=True,
    metavar="FOLDER|URL",
    help="Write an MLflow model to FOLDER, which must not exist, or register it on a server.",
)
@click.option(
    "--experiment",
    default="leadscore",
    show_default=True,
    metavar="NAME",
    help="Experiment of the server's run.",
)
@REGISTRY
@DRY_RUN
@AS_JSON
def export(
    model: str, target: str, experiment: str, registry: str, *, dry_run: bool, as_json: bool
) -> None:
    """Write MODEL as an MLflow model, once it is verified.

    \b
      leadscore models export leads --mlflow leads-mlflow
      leadscore models export leads/3 --mlflow leads-3 --dry-run
      leadscore models export leads --mlflow http://127.0.0.1:5000

    FOLDER is a model of MLflow's ONNX flavour: mlflow.pyfunc.load_model reads it, without
    LeadScore. Its input is the feature matrix as an array, its output `probability` the score. The
    model's card is README.md in it.

    With the URL of a tracking server that takes artifacts (`mlflow server`), the files, parameters
    and figures are a run of --experiment, and a version of the registered model of the same name. A
    model that the server has is not sent again. MLFLOW_TRACKING_TOKEN, or
    MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, are sent to it.

    Exit codes: 0 written, or there before (with --dry-run: it could be), 1 the model must not be
    used, or the server refuses it, 2 there is no such model, it has no ONNX file, or FOLDER exists
    or can't be written; 3 the server can't be reached or refuses the credentials.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        bundle = loaded(found, model)
        files = mlflow_files(bundle, render_markdown(card_from(found, bundle)))
        where, said = (
            _register(target, bundle, files, experiment, dry_run=dry_run)
            if target.startswith(("http://", "https://"))
            else _write_new(Path(target), files, dry_run=dry_run)
        )
    if as_json:
        print_json(
            {
                "model": bundle.name,
                "version": bundle.version,
                "sha256": bundle.sha256,
                **where,
                "files": sorted(files),
                "is_dry_run": dry_run,
            }
        )
        return
    click.echo(for_terminal(f"{bundle.name} version {bundle.version} {said}."))


def _write_new(
    folder: Path, files: Mapping[str, bytes], *, dry_run: bool
) -> tuple[dict[str, Any], str]:
    """Write a folder that must not exist; return what to say of it, as JSON and in words."""
    if folder.exists():
        raise InputError(f"{folder} should not exist, it does: name another folder")
    if not dry_run:
        _write(folder, files)
    verb = "would be" if dry_run else "is"
    return {"folder": str(folder)}, f"{verb} an MLflow model in {folder}"


def _register(
    url: str, bundle: Bundle, files: Mapping[str, bytes], experiment: str, *, dry_run: bool
) -> tuple[dict[str, Any], str]:
    """Register a model on a server; return what to say of it, as JSON and in words."""
    shown = mask_url(url)
    if dry_run:
        return {"server": shown}, f"would be a version of {bundle.name} on {shown}"

    async def send() -> Published:
        async with connected(url) as client:
            return await publish(client, bundle, files, experiment, datetime.now(UTC))

    found = asyncio.run(send())
    where = {"server": shown, "mlflow_version": found.version, "run_id": found.run_id}
    verb = "is" if found.is_new else "was already"
    said = f"{verb} version {found.version} of {bundle.name} on {shown}"
    return where | {"is_new": found.is_new}, said


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder at once: an interrupted command leaves none."""
    part = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in files.items():
            (part / name).write_bytes(content)
        part.chmod(0o755)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
