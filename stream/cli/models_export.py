"""`leadscore models export`: a model in the format of another registry."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import click

from model.mlflow_files import mlflow_files
from model.registry import Registry
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.models_card import card_from
from stream.cli.models_options import AS_JSON, DRY_RUN, REGISTRY, loaded
from stream.cli.output import print_json
from stream.model_card.markdown import render_markdown
from stream.process.exit_codes import exit_codes

__all__ = ["export"]


@click.command()
@click.argument("model")
@click.option(
    "--mlflow",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write an MLflow model to FOLDER, which must not exist.",
)
@REGISTRY
@DRY_RUN
@AS_JSON
def export(model: str, folder: Path, registry: str, *, dry_run: bool, as_json: bool) -> None:
    """Write MODEL as an MLflow model, once it is verified.

    \b
      leadscore models export leads --mlflow leads-mlflow
      leadscore models export leads/3 --mlflow leads-3 --dry-run

    FOLDER is a model of MLflow's ONNX flavour: mlflow.pyfunc.load_model reads it, without
    LeadScore. Its input is the feature matrix as an array, its output `probability` the score. The
    model's card is README.md in it. MLflow's own commands log and register the folder.

    Exit codes: 0 written (with --dry-run: it could be), 1 the model must not be used, 2 there is no
    such model, it has no ONNX file, or FOLDER exists or can't be written.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        bundle = loaded(found, model)
        files = mlflow_files(bundle, render_markdown(card_from(found, bundle)))
        if folder.exists():
            raise InputError(f"{folder} should not exist, it does: name another folder")
        if not dry_run:
            _write(folder, files)
    if as_json:
        print_json(
            {
                "model": bundle.name,
                "version": bundle.version,
                "sha256": bundle.sha256,
                "folder": str(folder),
                "files": sorted(files),
                "is_dry_run": dry_run,
            }
        )
        return
    verb = "would be" if dry_run else "is"
    click.echo(
        for_terminal(f"{bundle.name} version {bundle.version} {verb} an MLflow model in {folder}.")
    )


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
