"""`leadscore train`: from a table of past leads to a model in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from schemas.display import for_terminal
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.urls import mask_url
from stream.cli.band_options import band_rule, check_order, engagement_range
from stream.cli.options import DURATION, encoding_option, reading_options
from stream.process.exit_codes import exit_codes

if TYPE_CHECKING:
    from features.table import Table
    from model.training.train import TrainedModel, TrainOptions

__all__ = ["train"]

KINDS = (*map(str, FieldKind), "ignore")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--target", required=True, metavar="COLUMN", help="Column with the outcome of each lead."
)
@click.option(
    "--positive",
    multiple=True,
    metavar="VALUE",
    help="A value of the target that is success; may be repeated. Default, of two values: yes, "
    "true, 1, won …",
)
@click.option(
    "--negative",
    multiple=True,
    metavar="VALUE",
    help="A value that is failure; may be repeated. Rows with values that neither option names "
    "are left out.",
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="VALUE",
    help="A value that is neither, such as that of open deals: its rows are left out; may be "
    "repeated. Without --negative the other values are failure.",
)
@click.option(
    "--matured",
    type=DURATION,
    metavar="SPAN",
    help="Leave out leads younger than this (90d) at the latest --time in FILE: their outcome is "
    "not known yet.",
)
@click.option("--id", "id", metavar="COLUMN", help="The lead's id: never a feature.")
@click.option(
    "--group",
    metavar="COLUMN",
    help="Rows with the same value, such as those of one customer, are kept in one fold, as are "
    "rows with the same id. Never a feature.",
)
@click.option(
    "--time",
    metavar="COLUMN",
    help="When the lead was created: dates have an age then, and the latest 20 % are measured too.",
)
@click.option("--ordered", is_flag=True, help="FILE is in the order of time.")
@click.option(
    "--exclude", multiple=True, metavar="COLUMN", help="Column to leave out; may be repeated."
)
@click.option(
    "--text",
    multiple=True,
    metavar="COLUMN",
    help="Free text; may be repeated.",
)
@click.option(
    "--as",
    "kinds",
    multiple=True,
    metavar="COLUMN=KIND",
    help=f"What a column is: {', '.join(KINDS)}; may be repeated. Default: found by its values.",
)
@reading_options
@click.option(
    "--schema",
    metavar="NAME|FILE.avsc",
    help="The leads' contract; only its fields are used. Default: made of the columns.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Parameter sets to try in a search; 0: use the defaults.",
)
@click.option("--name", default="leads", show_default=True, help="The model's name.")
@click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    metavar="FOLDER|URL",
    help="Registry to which the model is added.",
)
@encoding_option
@click.option(
    "--high",
    default="10%",
    show_default=True,
    metavar="SIZE",
    help="High: a share of the leads (10%), a score (0.7), a lift (2.5x), or a capacity (30/400).",
)
@click.option(
    "--medium",
    default="20%",
    show_default=True,
    metavar="SIZE",
    help="Medium, which comes below High: as --high.",
)
@click.option(
    "--engagement",
    metavar="LOW-HIGH",
    help="The mean score's healthy range, such as 0.15-0.40; there is an alert outside it. "
    "Default: from the training leads' scores.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Publish the model even if it is no better than giving everyone the base rate; it then "
    "gives every lead that rate.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=42,
    show_default=True,
    help="The same seed on the same file trains the same model, to the byte.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of the training: more are faster if cores are idle. The model is the same.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep XGBoost's rows on this disk while it trains. FILE itself is read into memory; for"
    " more leads than fit, see `leadscore retrain`.",
)
@click.option(
    "--plan",
    "only_plan",
    is_flag=True,
    help="Show how each column is read and what is surprising, and stop before training.",
)
@click.option("--dry-run", is_flag=True, help="Train and report, but add no model to the registry.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as NDJSON: one line.")
def train(
    file: Path,
    registry: str,
    schema: str | None,
    encoding: str | None,
    only_plan: bool,
    dry_run: bool,
    as_json: bool,
    force: bool,
    **options: Any,
) -> None:
    """Train a model on FILE, past leads as CSV, JSON or Parquet, and add it to the registry.

    \b
      leadscore train leads.csv --target won --plan
      leadscore train leads.csv --target won --id id --time created --dry-run
      leadscore train leads.csv --target won --id id --time created
      leadscore train contacts.csv --target y --exclude duration --name bank
      leadscore train deals.parquet --target stage --positive won --negative lost
      leadscore train leads.csv --target won --time created --matured 90d

    Prints the verdict first: whether the model is better than giving everyone the base rate. Then
    how each column was read, how good the model is on leads that it has not seen, and what is
    suspicious. Nothing is written unless the model has passed every check.

    Exit codes: 0 the model is in the registry (with --dry-run: it could be; with --plan: the plan
    was printed), 1 it failed a check or is no better than the base rate, 2 an option or the file is
    unusable: the message says what to do.
    """  # noqa: D301
    with exit_codes():
        table = _table(file, encoding)
        if only_plan:
            _plan(table, _options(schema, options), as_json)
        else:
            trained = _train(table, _options(schema, options))
            _publish(trained, registry, options["name"], as_json, force, dry_run)


def _table(file: Path, encoding: str | None) -> Table:
    """Read FILE, then import what training needs: it takes seconds."""
    from features.table_file import read_table

    table = read_table(file, encoding)
    try:
        import model.training.train  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"training needs {error.name}, which is not installed: install leadscore[train]"
        ) from None
    return table


def _plan(table: Table, options: TrainOptions, as_json: bool) -> None:
    from model.training.planning import plan_training
    from stream.cli.train_report import plan_json, print_plan

    plan = plan_training(table, options)
    if as_json:
        click.echo(plan_json(plan))
    else:
        print_plan(plan, Console())


def _train(table: Table, options: TrainOptions) -> TrainedModel:
    from model.training.train import train as train_model

    with Console(stderr=True).status("reading the columns") as status:
        return train_model(table, options, status.update)


def _publish(
    trained: TrainedModel, registry: str, name: str, as_json: bool, force: bool, dry_run: bool
) -> None:
    """Publish, then print the report, also of a model that is refused.

    In this order a reader that ends early, such as `head`, keeps no model out of the registry.
    """
    from model.registry import Registry, require_publishable
    from model.training.chance import require_signal
    from stream.cli.train_report import print_report, report_json

    models, version = Registry(registry), None
    is_accepted = force or trained.report.verdict.has_signal
    if is_accepted and dry_run:
        require_publishable(name, trained.artefacts)
    elif is_accepted:
        version = models.publish(name, trained.artefacts)
    if as_json:
        click.echo(report_json(trained, name, version))
    else:
        print_report(trained, Console())
    if not is_accepted:
        require_signal(trained.metadata, "The model is not published")
    if not as_json:
        click.echo()
        click.echo(for_terminal(_place(name, version, registry)))


def _place(name: str, version: str | None, registry: str) -> str:
    """Return where the model is, or that a dry run has not written it."""
    registry = mask_url(registry)
    if version is None:
        return f"Model {name} could be added to {registry}; nothing was written (--dry-run)."
    return f"Model {name} version {version} is in {registry}."


def _options(schema: str | None, options: dict[str, Any]) -> TrainOptions:
    from model.training.train import TrainOptions
    from model.training.xgboost_trainer import XgboostTrainer

    high, medium = (band_rule(options.pop(name), f"--{name}") for name in ("high", "medium"))
    check_order(high, medium)
    engagement, cache = options.pop("engagement"), options.pop("cache")
    return TrainOptions(
        **{**options, "kinds": _kinds(options["kinds"])},
        schema=_contract(schema) if schema else None,
        high=high,
        medium=medium,
        engagement=engagement_range(engagement) if engagement else None,
        trainer=XgboostTrainer(cache=cache),
    )


def _kinds(given: Sequence[str]) -> dict[str, FieldKind | None]:
    kinds: dict[str, FieldKind | None] = {}
    for text in given:
        column, _, kind = text.rpartition("=")
        if not column or kind not in KINDS:
            raise InputError(
                f"--as {text!r}: expected COLUMN=KIND, with one of {', '.join(KINDS)} as the kind"
            )
        kinds[column] = None if kind == "ignore" else FieldKind(kind)
    return kinds


def _contract(schema: str) -> Any:
    from schemas.store import SchemaStore

    store = SchemaStore.load()
    found = store.by_name(schema) or store.add_file(schema)
    found.require_lead()
    return found.avro
