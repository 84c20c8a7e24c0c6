"""Options and output that the commands of `leadscore models` share."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import click
from rich.console import Console

from model.alias_entry import LONGEST_NAME, LONGEST_REASON, Made
from model.bundle import Bundle, describe_bundle, load_bundle
from model.registry import ModelNotFoundError, Registry
from stream.cli.options import add_options
from stream.cli.output import console
from stream.process.model_trial import Trials

__all__ = [
    "AS_JSON",
    "DRY_RUN",
    "FORCE",
    "REGISTRY",
    "Change",
    "change_options",
    "described",
    "loaded",
    "require_model",
    "terminal",
]

WIDTH_IN_A_PIPE = 200

REGISTRY = click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    metavar="FOLDER|URL",
    help="Where the models are.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON.")
FORCE = click.option(
    "--force",
    is_flag=True,
    help="Accept a model that is no better than giving everyone the base rate.",
)
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Check everything, and say what would change; change nothing."
)


@dataclass(frozen=True, slots=True)
class Change:
    """Options of a command that writes to the history: `change_options` adds them.

    Attributes
    ----------
    registry
        Where the models are.
    by, why
        Who makes the change, and the reason.
    is_dry_run
        Whether nothing is changed.
    as_json
        Whether to print NDJSON.
    """

    registry: str
    by: str
    why: str
    is_dry_run: bool
    as_json: bool

    def made_now(self) -> Made:
        """Return who makes the change, now, and why."""
        return Made(self.by or _user(), datetime.now(UTC), self.why)


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that write to the history; the command gets a `Change`."""

    @wraps(command)
    def with_change(
        *, registry: str, by: str, why: str, dry_run: bool, as_json: bool, **others: Any
    ) -> None:
        command(change=Change(registry, by, why, dry_run, as_json), **others)

    options = (
        REGISTRY,
        click.option(
            "--by",
            envvar="LEADSCORE_OPERATOR",
            default=_user,
            show_default="the user of the operating system",
            callback=_at_most(LONGEST_NAME),
            metavar="NAME",
            help="Who makes the change, for the history.",
        ),
        click.option(
            "--why",
            default="",
            callback=_at_most(LONGEST_REASON),
            metavar="TEXT",
            help="The reason, for the history.",
        ),
        DRY_RUN,
        AS_JSON,
    )
    return add_options(with_change, options)


def loaded(registry: Registry, model: str) -> Bundle:
    """Load a model as a worker does."""
    return load_bundle(registry.resolve(model), Trials())


def described(registry: Registry, model: str) -> Bundle:
    """Load a model's metadata."""
    return describe_bundle(registry.resolve(model), Trials())


def require_model(registry: Registry, name: str) -> None:
    """Raise ModelNotFoundError if a registry has no such model."""
    if not registry.versions(name):
        raise ModelNotFoundError(
            f"The registry {registry.root} should have a model {name!r}, but it has"
            f" {', '.join(registry.names()) or 'none'}: name one of them."
        )


def terminal() -> Console:
    """Return a console that is wide enough for tables in a pipe."""
    return console(WIDTH_IN_A_PIPE)


def _user() -> str:
    try:
        return getpass.getuser()[:LONGEST_NAME]
    except (OSError, KeyError):  # in a container, a user may have a number alone
        return f"uid {os.getuid()}"


def _at_most(length: int) -> Callable[[click.Context, click.Parameter, str], str]:
    def check(ctx: click.Context, param: click.Parameter, value: str) -> str:
        if len(value) > length:
            raise click.BadParameter(f"expected at most {length:,} characters, not {len(value):,}")
        return value

    return check
