"""`leadscore worker`: run a worker in the foreground."""

from __future__ import annotations

import os

import click

from stream.settings.worker import ROLES

__all__ = ["worker"]


@click.command()
@click.option(
    "--role",
    type=click.Choice([role for role in ROLES if role != "sink"]),  # that is `leadscore sink`
    help="Role of the worker; overrides LEADSCORE_ROLE.",
)
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    help="Port of health and metrics; overrides LEADSCORE_HTTP_PORT.",
)
def worker(role: str | None, http_port: int | None) -> None:
    """Run a worker: read leads from Kafka, score them, write the scored topic.

    \b
      leadscore worker
      leadscore worker --role drift --http-port 8084

    With --role drift it monitors drift instead, from the counts of the scoring workers. With
    --role shadow it scores the same leads with the model that has the alias shadow, in a group
    of its own, into leads.scored.shadow (`leadscore models verdict` compares the scores). With
    --role archive it writes the leads to the folder LEADSCORE_ARCHIVE as Parquet files, for
    replays after their retention. With --role trainer it retrains the model on request, and
    when drift, quality, age or new outcomes trigger it. With --role rollout it rolls out
    canaries (`leadscore models canary`). With --role outcomes it joins outcomes to scores and
    reports the quality of the scores; its stores are in the folder LEADSCORE_OUTCOME_STORE. Of
    the roles drift, trainer and rollout, one worker of the group is active, and the others are
    on standby.

    Settings come from the environment (LEADSCORE_*): see docs/settings.md. SIGTERM or Ctrl-C stops
    it cleanly within 10 s; a second one stops it at once.

    Exit codes: 0 stopped cleanly, 1 crashed (unfinished leads are read again), 3 not started (the
    message says what is missing), 128 + signal stopped at once.
    """  # noqa: D301
    if role is not None:
        os.environ["LEADSCORE_ROLE"] = role
    if http_port is not None:
        os.environ["LEADSCORE_HTTP_PORT"] = str(http_port)
    from stream.app import run

    run()
