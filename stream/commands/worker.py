"""`leadscore worker`: run a worker in the foreground."""

from __future__ import annotations

import os

import click

__all__ = ["worker"]


@click.command()
@click.option(
    "--role",
    type=click.Choice(["score", "all"]),
    help="What this worker does; overrides LEADSCORE_ROLE.",
)
def worker(role: str | None) -> None:
    """Run a worker: read leads from Kafka, score them, write the scored topic.

    Settings come from the environment (LEADSCORE_*): see docs/settings.md. SIGTERM or Ctrl-C stops
    it cleanly within 10 s; a second one at once.

    Exit codes: 0 stopped cleanly, 1 crashed (what was not written is read again), 3 not started:
    the message says what is missing, 128 + signal stopped at once.
    """
    if role is not None:
        os.environ["LEADSCORE_ROLE"] = role
    from stream.app import run

    run()
