"""`leadscore models`: list, show, verify and alias the models of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import orjson
from pydantic import JsonValue
from rich.console import Console
from rich.table import Table
from rich.text import Text

from model.bundle import Bundle, describe_bundle, load_bundle
from model.registry import ACTED_ON, Alias, Registry, require_effect
from model.serving.predictor import open_predictor
from model.training.card import personal_content
from model.training.chance import require_signal
from schemas.display import for_terminal
from schemas.errors import InputError
from schemas.urls import mask_url
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials

__all__ = ["models"]

REGISTRY = click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    metavar="FOLDER|URL",
    help="Where the models are.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON.")
WIDTH_IN_A_PIPE = 200


@click.group()
def models() -> None:
    """List, show, verify and alias the models of the registry.

    A MODEL is a name (the version with the alias production, else the newest), name@alias,
    name/version, or the path of a bundle's folder.

    \b
      leadscore models list
      leadscore models show leads --json
      leadscore models alias leads production 3
    """  # noqa: D301


@models.command(name="list")
@REGISTRY
@AS_JSON
def list_models(registry: str, *, as_json: bool) -> None:
    """List the models, their versions and aliases.

    \b
      leadscore models list
      leadscore models list --json | jq -r .version

    Exit codes: 0 listed, also if the registry is empty; 2 the registry can't be read.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        rows = [(name, found.versions(name), found.aliases(name)) for name in found.names()]
    if as_json:
        for name, versions, aliases in rows:
            for version in versions:
                of_it = _aliases_of(version, aliases)
                _print_json({"model": name, "version": version, "aliases": of_it})
        return
    if not rows:
        shown = for_terminal(mask_url(registry))
        click.echo(f"{shown} has no models yet: train one with `leadscore train`.")
        return
    table = Table("model", "version", "aliases", box=None)
    for name, versions, aliases in rows:
        for version in versions:
            named = ", ".join(_aliases_of(version, aliases))
            table.add_row(*(Text(for_terminal(text)) for text in (name, version, named)))
    _console().print(table)


@models.command()
@click.argument("model")
@REGISTRY
@AS_JSON
def show(model: str, registry: str, *, as_json: bool) -> None:
    """Show a model: fields, training, metrics, thresholds.

    \b
      leadscore models show leads
      leadscore models show leads/3 --json | jq .metadata.metrics

    Also what the bundle holds of the training leads. With --json one line has name, version, folder
    and hash of the model, and its metadata as in the bundle.

    Exit codes: 0 shown, 1 the model must not be used, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        bundle = _described(Registry(registry), model)
    if as_json:
        _print_json(
            {
                "model": bundle.name,
                "version": bundle.version,
                "location": mask_url(bundle.location),
                "sha256": bundle.sha256,
                "metadata": bundle.metadata.model_dump(mode="json"),
            }
        )
        return
    console = _console()
    for sentence in _verdict(bundle.metadata.metrics):
        shown = Text(for_terminal(sentence), "bold")
        console.print(shown, highlight=False, soft_wrap=not console.is_terminal)
    console.print(_facts(bundle))
    console.print(_fields(bundle))
    console.print("\nWhat the bundle holds of the training leads", style="italic")
    for sentence in personal_content(bundle.metadata):
        console.print(for_terminal(sentence), highlight=False, markup=False)
    for warning in bundle.metadata.training.warnings:
        console.print(f"warning: {for_terminal(warning)}", highlight=False, markup=False)


@models.command()
@click.argument("model")
@REGISTRY
def contract(model: str, registry: str) -> None:
    """Print the Avro schema of the leads that a model reads.

    Senders of leads can use it as their contract.

    \b
      leadscore models contract leads > leads.avsc
      leadscore produce leads.csv --schema leads.avsc

    Exit codes: 0 printed, 1 the model must not be used, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        bundle = _described(Registry(registry), model)
    click.echo(orjson.dumps(bundle.metadata.contract, option=orjson.OPT_INDENT_2))


@models.command()
@click.argument("model")
@REGISTRY
@AS_JSON
def verify(model: str, registry: str, *, as_json: bool) -> None:
    """Verify a model as a worker does.

    \b
      leadscore models verify leads
      leadscore models verify leads/3 --json

    It checks the hash of every file, the graph, and the scores of the golden rows.
    The model is first opened in a process of its own, which may take 60 seconds and 256 MiB.

    Exit codes: 0 a worker would load it, 1 a worker would refuse it, 2 there is no such model.
    """  # noqa: D301
    with exit_codes():
        bundle = _load(Registry(registry), model)
        engine = open_predictor(bundle).engine
    if as_json:
        _print_json(
            {
                "model": bundle.name,
                "version": bundle.version,
                "engine": engine,
                "sha256": bundle.sha256,
                "golden_rows": len(bundle.metadata.golden.scores),
            }
        )
        return
    name = for_terminal(f"{bundle.name} version {bundle.version}")
    click.echo(
        f"{name} is as it was published; "
        f"{len(bundle.metadata.golden.scores)} golden rows score as in training "
        f"(engine {engine}, sha256 {bundle.sha256})."
    )


class _SetByDefault(click.Group):
    """Commands on aliases; without a command's name an alias is set."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["set", *args])


FORCE = click.option(
    "--force",
    is_flag=True,
    help="Accept a model that is no better than giving everyone the base rate.",
)
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Check everything, and say what would change; change nothing."
)


class _AliasToSet(click.Choice[str]):
    """An alias with an effect; one that only older registries have is refused with the reason."""

    def __init__(self) -> None:
        super().__init__([alias.value for alias in ACTED_ON])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the alias; another one ends the command with exit code 2."""
        if value in set(Alias):
            try:
                require_effect(Alias(value))
            except InputError as error:
                self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)


ALIAS = click.argument("alias", type=click.Choice([alias.value for alias in Alias]))


@models.group(
    cls=_SetByDefault,
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="[set] NAME ALIAS VERSION | remove NAME ALIAS",
)
def alias() -> None:
    """Set or remove an alias of a model.

    \b
      leadscore models alias leads production 3
      leadscore models alias remove leads production
    """  # noqa: D301


@alias.command(name="set")
@click.argument("name")
@click.argument("alias", type=_AliasToSet())
@click.argument("version")
@REGISTRY
@FORCE
@DRY_RUN
@AS_JSON
def set_alias(
    name: str,
    alias: str,
    version: str,
    registry: str,
    *,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Set ALIAS of model NAME to VERSION, once VERSION is verified.

    \b
      leadscore models alias leads production 3 --dry-run
      leadscore models alias set leads staging 4

    Workers whose model is NAME@ALIAS load the version; those whose model is NAME follow production.
    A VERSION for production that is no better than giving everyone the base rate is refused, unless
    --force is given.

    Exit codes: 0 the alias is set (with --dry-run: it could be), 1 the version must not be used or
    is no better than the base rate, 2 there is no such model or version, or the alias does nothing.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        bundle = _load(found, f"{name}/{version}")
        if alias == Alias.PRODUCTION and not force:
            require_signal(bundle.metadata, f"Workers whose model is {name} would load it")
        before = found.aliases(name).get(Alias(alias))
        if not dry_run:
            found.set_alias(name, Alias(alias), version)
    if as_json:
        _print_change(name, alias, version, before, dry_run)
        return
    verb = "would be" if dry_run else "is"
    was = f" ({'is' if dry_run else 'was'} {before})" if before else ""
    click.echo(for_terminal(f"{name}@{alias} {verb} version {version}{was}."))


@alias.command(name="remove")
@click.argument("name")
@ALIAS
@REGISTRY
@FORCE
@DRY_RUN
@AS_JSON
def remove_alias(
    name: str, alias: str, registry: str, *, force: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove ALIAS of model NAME; its version stays.

    \b
      leadscore models alias remove leads staging --dry-run
      leadscore models alias remove leads staging

    Workers whose model is NAME@ALIAS keep the version that they have and report that the alias is
    missing. Without production, NAME is the newest version: if that is no better than giving
    everyone the base rate, production stays unless --force is given.

    Exit codes: 0 the alias is removed (with --dry-run: it could be), 1 the newest version is no
    better than the base rate, 2 there is no such model or alias.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        newest = found.versions(name)[-1:]
        is_followed = alias == Alias.PRODUCTION and Alias.PRODUCTION in found.aliases(name)
        if is_followed and newest and not force:
            left = _described(found, f"{name}/{newest[0]}")
            require_signal(left.metadata, f"Workers whose model is {name} would load it")
        version = found.version_of(name, alias)
        if not dry_run:
            found.remove_alias(name, Alias(alias))
    if as_json:
        _print_change(name, alias, None, version, dry_run)
        return
    change = (
        f"would be removed (is version {version})"
        if dry_run
        else f"is removed (was version {version})"
    )
    click.echo(f"{name}@{alias} {change}.")
    if alias == Alias.PRODUCTION and newest:
        verb = "would load" if dry_run else "load"
        click.echo(f"Workers whose model is {name} {verb} its newest version, {newest[0]}.")


def _print_change(
    name: str, alias: str, version: str | None, before: str | None, dry_run: bool
) -> None:
    """Print the change of an alias as a line of JSON."""
    _print_json(
        {"model": name, "alias": alias, "version": version, "was": before, "is_dry_run": dry_run}
    )


def _print_json(record: Mapping[str, Any]) -> None:
    click.echo(orjson.dumps(record))


def _load(registry: Registry, model: str) -> Bundle:
    return load_bundle(registry.resolve(model), Trials())


def _described(registry: Registry, model: str) -> Bundle:
    """Load a model's metadata."""
    return describe_bundle(registry.resolve(model), Trials())


def _aliases_of(version: str, aliases: Mapping[Alias, str]) -> list[str]:
    return sorted(alias for alias, named in aliases.items() if named == version)


def _facts(bundle: Bundle) -> Table:
    metadata, training = bundle.metadata, bundle.metadata.training
    calibration, thresholds = metadata.calibration, metadata.thresholds
    facts = {
        "model": f"{bundle.name} version {bundle.version}",
        "folder": mask_url(bundle.location),
        "sha256": bundle.sha256,
        "trained on": f"{training.rows:,} leads, {training.positives:,} of them positive",
        "target": f"{training.target} (positive: {training.positive or 'as found'})",
        "training data": f"sha256 {training.data_sha256}",
        "calibration": f"{calibration.method}, slope {calibration.slope:.4g}, "
        f"intercept {calibration.intercept:.4g}",
        "categories": f"High from {thresholds.high:g}, Medium from {thresholds.medium:g}",
        "healthy mean score": f"{metadata.engagement.low:.1%} to {metadata.engagement.high:.1%}",
        "not used": ", ".join(training.dropped) or "nothing",
    }
    table = Table(box=None, show_header=False)
    for name, fact in (facts | _measured(metadata.metrics)).items():
        table.add_row(Text(for_terminal(name)), Text(for_terminal(fact)))
    return table


def _verdict(metrics: Mapping[str, JsonValue]) -> list[str]:
    """Return whether the model is better than the base rate, and what a baseline reaches.

    Models that were trained before the verdict was kept say nothing.
    """
    verdict = metrics.get("verdict")
    if not isinstance(verdict, dict):
        return []
    baseline = verdict.get("baseline")
    parts = [verdict, *([baseline] if isinstance(baseline, dict) else [])]
    return [str(part["sentence"]) for part in parts if "sentence" in part]


def _measured(metrics: Mapping[str, JsonValue]) -> dict[str, str]:
    """Write each group of metrics as one line of its numbers."""
    lines: dict[str, str] = {}
    for group, values in metrics.items():
        numbers = values if isinstance(values, dict) else {group: values}
        written = [
            f"{name} {value:,}" if isinstance(value, int) else f"{name} {value:.4g}"
            for name, value in numbers.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        ]
        if written:
            lines[group.replace("_", " ")] = ", ".join(written)
    return lines


def _fields(bundle: Bundle) -> Table:
    table = Table("field", "kind", "columns", "missing in training", "importance", box=None)
    metadata = bundle.metadata
    for field, bins in zip(metadata.spec.fields, metadata.reference.fields, strict=True):
        missing = bins.counts[bins.missing] / max(sum(bins.counts), 1)
        share = metadata.importance.get(field.name)
        importance = "not measured" if share is None else f"{share:.1%}"
        table.add_row(
            Text(for_terminal(field.name)),
            field.kind,
            str(len(field.columns)),
            f"{missing:.1%}",
            importance,
        )
    return table


def _console() -> Console:
    in_terminal = click.get_text_stream("stdout").isatty()
    return Console(width=None if in_terminal else WIDTH_IN_A_PIPE)
