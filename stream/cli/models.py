"""`leadscore models`: list, show and verify the models of the registry, and all that changes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from model.bundle import Bundle
from model.registry import Aliases, Registry
from model.serving.predictor import open_predictor
from model.training.card import personal_content
from schemas.display import for_terminal
from schemas.urls import mask_url
from stream.cli.models_alias import alias, promote, rollback
from stream.cli.models_archive import archive
from stream.cli.models_bands import bands
from stream.cli.models_benchmark import benchmark
from stream.cli.models_canary import canary
from stream.cli.models_card import card_from, card_renderer
from stream.cli.models_export import export
from stream.cli.models_history import at, history
from stream.cli.models_options import AS_JSON, REGISTRY, described, loaded, terminal
from stream.cli.models_verdict import verdict
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes
from stream.process.whole_file import write_whole

__all__ = ["models"]


@click.group()
def models() -> None:
    """List, show, verify, promote and archive the models of the registry.

    A MODEL is a name (the version with the alias production, else the newest), name@alias,
    name/version, or the path of a bundle's folder.

    \b
      leadscore models list
      leadscore models show leads --json
      leadscore models promote leads 3 --why "better on the last month"
      leadscore models rollback leads
      leadscore models bands leads --high 50/day
      leadscore models verdict leads
      leadscore models canary start leads/4
      leadscore models at 2026-05-03T14:03 leads
    """  # noqa: D301


for command in (
    *(benchmark, alias, bands, canary, promote, rollback),
    *(archive, history, at, verdict, export),
):
    models.add_command(command)


@models.command(name="list")
@REGISTRY
@AS_JSON
def list_models(registry: str, *, as_json: bool) -> None:
    """List the models: versions, times of publication, aliases.

    \b
      leadscore models list
      leadscore models list --json | jq -r .version

    Exit codes: 0 listed, also if the registry is empty; 2 the registry can't be read.
    """  # noqa: D301
    with exit_codes():
        found = Registry(registry)
        rows = [
            _listed(found, now, version)
            for now in map(found.aliases_now, found.names())
            for version in found.versions(now.name)
        ]
    if as_json:
        for row in rows:
            print_json(row)
        return
    if not rows:
        shown = for_terminal(mask_url(registry))
        click.echo(f"{shown} has no models yet: train one with `leadscore train`.")
        return
    table = Table("model", "version", "published (UTC)", "aliases", box=None)
    for row in rows:
        when = f"{row['published']:%Y-%m-%d %H:%M}" if row["published"] else "unknown"
        named = ", ".join([*row["aliases"], *(["(archived)"] if row["is_archived"] else [])])
        cells = (row["model"], row["version"], when, named)
        table.add_row(*(Text(for_terminal(text)) for text in cells))
    terminal().print(table)


@models.command()
@click.argument("model")
@click.option(
    "--card",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the model's card to FILE.html or FILE.md instead.",
)
@REGISTRY
@AS_JSON
def show(model: str, card: Path | None, registry: str, *, as_json: bool) -> None:
    """Show a model: fields, training, metrics, thresholds.

    \b
      leadscore models show leads
      leadscore models show leads/3 --json | jq .metadata.metrics
      leadscore models show leads --card card.html

    Also what the bundle holds of the training leads. With --json one line has name, version, folder
    and hash of the model, and its metadata as in the bundle. The card also has calibration and lift
    of leads that the model has not seen, as plots, segments, and the history of its aliases; the
    page needs no network.

    Exit codes: 0 shown, 1 the model must not be used, 2 there is no such model, or FILE can't be
    written.
    """  # noqa: D301
    with exit_codes():
        render = None if card is None else card_renderer(card)
        found = Registry(registry)
        bundle = described(found, model)
        if card is not None and render is not None:
            write_whole(card, render(card_from(found, bundle)))
    if as_json:
        print_json(
            {
                "model": bundle.name,
                "version": bundle.version,
                "location": mask_url(bundle.location),
                "sha256": bundle.sha256,
                "metadata": bundle.metadata.model_dump(mode="json"),
            }
        )
        return
    if card is not None:
        click.echo(for_terminal(f"wrote {card}"))
        return
    console = terminal()
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
        bundle = described(Registry(registry), model)
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
        bundle = loaded(Registry(registry), model)
        engine = open_predictor(bundle).engine
    if as_json:
        print_json(
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


def _listed(registry: Registry, now: Aliases, version: str) -> dict[str, Any]:
    published = registry.written_at(now.name, version)
    return {
        "model": now.name,
        "version": version,
        "published": None if published is None else datetime.fromtimestamp(published, UTC),
        "aliases": sorted(alias for alias, named in now.aliases.items() if named == version),
        "is_archived": version in now.archived,
    }


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
