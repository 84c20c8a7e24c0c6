"""The `leadscore` command."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

from schemas.display import for_terminal

__all__ = ["main"]

EXIT_STOPPED = 130
REPORT_VARIABLES = ("worker", "doctor")
"""Commands that report variables that are no setting themselves."""
COMMANDS = {
    "demo": ("demo", "Train on real contacts, score the rest through Kafka, show the result."),
    "train": ("train", "Train a model on a table of past leads and add it to the registry."),
    "models": ("models", "List, show, verify, promote and archive models; their history."),
    "score": ("score", "Score a file of leads, or a data set of any size, without Kafka."),
    "explain": ("explain", "Explain a lead's score, from a worker or a file."),
    "topics": ("topics", "Create, check and list the topics."),
    "schemas": ("schemas", "Check schemas against a schema registry, and register them."),
    "doctor": ("doctor", "Check everything that a worker needs, and say what to do."),
    "acls": ("acls", "Print the least rights in Kafka of each role, for kafka-acls."),
    "worker": ("worker", "Run a worker: read leads from Kafka, score them, write them."),
    "serve": ("serve", "Score leads over HTTP, without Kafka: REST, with a model of the registry."),
    "hooks": ("hooks", "Receive webhooks of CRMs, and write their leads to Kafka."),
    "sink": ("sink", "Write scores or leads to files, a database, a lake, webhooks or a CRM."),
    "produce": ("produce", "Simulate a CRM: send leads of a file or synthetic ones to Kafka."),
    "lag": ("lag", "Show how far consumer groups are behind, with no worker alive."),
    "drift": ("drift", "Show how far leads and scores are from the training data."),
    "quality": ("quality", "Show how good the scores are, by the outcomes of their leads."),
    "dlq": ("dlq", "Inspect, try, send again and delete dead letters."),
    "replay": ("replay", "Score past leads again, with any model, beside the workers."),
    "rescore": ("rescore", "Score leads without new records again, with their age now."),
    "retrain": ("retrain", "Retrain the model on leads with outcomes, and evaluate the candidate."),
    "diff": ("diff", "Show what another model would change, over past leads."),
    "erase": ("erase", "Erase leads, and list what ages out where and when."),
    "snapshot": ("snapshot", "Write an Evidently report: recent leads against training leads."),
    "completion": ("completion", "Print a script that completes commands in bash, zsh or fish."),
}
"""Commands: the module in stream.cli, imported when it is called, and the help text."""


class Tour(click.Group):
    """A command group that imports commands lazily and lists them in the order of use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"stream.cli.{COMMANDS[name][0]}"), name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without importing the commands, which takes seconds."""
        names = [
            CompletionItem(name, help=sentence)
            for name, (_, sentence) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the options before the command."""
        with _for_terminal():
            return super().make_context(*arguments, **options)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, after a warning about variables that look like settings."""
        name, command, rest = super().resolve_command(ctx, args)
        if name not in REPORT_VARIABLES and not ctx.resilient_parsing:
            _warn_of_unknown_settings()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and exit with 130 on Ctrl-C, even during its import."""
        try:
            with _for_terminal():
                return super().invoke(ctx)
        except KeyboardInterrupt:  # click would print "Aborted!" and exit with 1
            raise SystemExit(EXIT_STOPPED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])


@contextmanager
def _for_terminal() -> Iterator[None]:
    """Escape control characters in click's errors: they quote arguments and file names."""
    try:
        yield
    except click.ClickException as error:
        error.message = for_terminal(error.message)
        raise


def _warn_of_unknown_settings() -> None:
    if not any(name.upper().startswith("LEADSCORE_") for name in os.environ):
        return  # the import takes half a second
    from stream.unknown_variables import unknown_variables

    for variable in unknown_variables():
        click.echo(f"warning: {for_terminal(str(variable))} (docs/settings.md)", err=True)


@click.group(cls=Tour, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leadscore")
def main() -> None:
    """LeadScore: real-time lead scoring on Kafka.

    \b
    A tour, from nothing to a running worker:
      leadscore demo                          see it all work, on real contacts
      leadscore train leads.csv --target won  train a model on leads of your own
      leadscore models list                   see what is in the registry
      leadscore score leads.csv               score a file, without Kafka
      leadscore topics create                 create the topics
      leadscore doctor                        check what a worker needs
      leadscore schemas check                 check schemas against a registry
      leadscore acls                          print the required Kafka rights
      leadscore worker                        score what arrives
      leadscore serve                         score leads over HTTP
      leadscore hooks                         receive leads from a CRM by webhooks
      leadscore sink jsonl --to scores        write scores to files
      leadscore produce --count 1000          send leads to the worker
      leadscore explain L-1                   explain a score that a worker gave
      leadscore lag                           see how far the workers are behind
      leadscore drift status                  see which fields have drifted
      leadscore quality                       see how good the scores were
      leadscore dlq stats                     see which leads could not be scored
      leadscore diff live leads/2             see what another model would change
      leadscore snapshot --since 1h           compare recent and training leads
      leadscore replay start --last 7d        score past leads again
      leadscore rescore --untouched 30d       score quiet leads with their age now
      leadscore retrain run --dry-run         see what there is to learn from
      leadscore erase L-1 --dry-run           see what is held of a lead
      leadscore completion bash               complete commands with the Tab key

    Settings come from the environment (LEADSCORE_*): see docs/settings.md.
    """  # noqa: D301


if __name__ == "__main__":
    main()
