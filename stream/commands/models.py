"""`leadscore models`: what is in the registry, and which version serves."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console
from rich.table import Table

from model.bundle import Bundle, load_bundle
from model.predictor import open_predictor
from model.registry import Alias, Registry
from schemas.errors import InputError
from stream.commands.exit_codes import exit_codes

__all__ = ["models"]

REGISTRY = click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    metavar="FOLDER|URL",
    help="Where the models are.",
)
WIDTH_IN_A_PIPE = 200


@click.group()
def models() -> None:
    """List, show, verify and alias the models of the registry.

    A MODEL is a name (the version with the alias production, else the newest), name@alias,
    name/version, or the path of a bundle's folder.
    """


@models.command(name="list")
@REGISTRY
def list_models(registry: str) -> None:
    """List the models, their versions and aliases."""
    with exit_codes():
        found = Registry(registry)
        rows = [(name, found.versions(name), found.aliases(name)) for name in found.names()]
    if not rows:
        click.echo(f"{registry} has no models yet: train one with `leadscore train`.")
        return
    table = Table("model", "version", "aliases", box=None)
    for name, versions, aliases in rows:
        for version in versions:
            table.add_row(name, version, ", ".join(_aliases_of(version, aliases)))
    _console().print(table)


@models.command()
@click.argument("model")
@REGISTRY
def show(model: str, registry: str) -> None:
    """Show what a model says of itself: fields, training, metrics, thresholds."""
    with exit_codes():
        bundle = load_bundle(Registry(registry).resolve(model))
    console = _console()
    console.print(_facts(bundle))
    console.print(_fields(bundle))
    for warning in bundle.metadata.training.warnings:
        console.print(f"warning: {warning}", highlight=False)


@models.command()
@click.argument("model")
@REGISTRY
def verify(model: str, registry: str) -> None:
    """Verify a model as a worker does: every file's hash, and the golden rows' scores.

    Exit code 1 when a worker would refuse it.
    """
    with exit_codes():
        bundle = load_bundle(Registry(registry).resolve(model))
        engine = open_predictor(bundle).engine
    click.echo(
        f"{bundle.name} version {bundle.version} is as it was published; "
        f"{len(bundle.metadata.golden.scores)} golden rows score as in training "
        f"(engine {engine}, sha256 {bundle.sha256})."
    )


@models.command()
@click.argument("name")
@click.argument("alias", type=click.Choice([alias.value for alias in Alias]))
@click.argument("version")
@REGISTRY
def alias(name: str, alias: str, version: str, registry: str) -> None:
    """Let ALIAS name VERSION of model NAME. Workers take the new version up while they run."""
    with exit_codes():
        found = Registry(registry)
        before = found.aliases(name).get(Alias(alias))
        try:
            load_bundle(found.resolve(f"{name}/{version}"))
        except ModelNotFoundError as error:
            raise InputError(str(error)) from None
        found.set_alias(name, Alias(alias), version)
    was = f" (was {before})" if before else ""
    click.echo(f"{name}@{alias} is version {version}{was}.")


def _aliases_of(version: str, aliases: Mapping[Alias, str]) -> list[str]:
    return sorted(alias for alias, named in aliases.items() if named == version)


def _facts(bundle: Bundle) -> Table:
    metadata, training = bundle.metadata, bundle.metadata.training
    calibration, thresholds = metadata.calibration, metadata.thresholds
    facts = {
        "model": f"{bundle.name} version {bundle.version}",
        "folder": bundle.location,
        "sha256": bundle.sha256,
        "trained on": f"{training.rows:,} leads, {training.positives:,} with {training.target!r}",
        "training data": f"sha256 {training.data_sha256}",
        "calibration": calibration.method
        if calibration.method == "none"
        else f"Platt: slope {calibration.slope:.4g}, intercept {calibration.intercept:.4g}",
        "categories": f"High from {thresholds.high:g}, Medium from {thresholds.medium:g}",
        "metrics": _plain(metadata.metrics),
        "not used": ", ".join(training.dropped) or "nothing",
    }
    table = Table(box=None, show_header=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    return table
