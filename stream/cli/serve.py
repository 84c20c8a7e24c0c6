"""Command: leadscore serve."""

from __future__ import annotations

import asyncio

import click

from schemas.errors import StartupError
from stream.process.exit_codes import exit_codes
from stream.process.logging import set_up_logging
from stream.settings import load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["serve"]


@click.command()
@click.option("--host", help="Address to listen on.  [default: LEADSCORE_REST_HOST]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0: any free port.  [default: LEADSCORE_REST_PORT]",
)
def serve(host: str | None, port: int | None) -> None:
    """Score leads over HTTP, with the model and the rules of a worker.

    \b
      leadscore serve
      curl -s localhost:8000/score-lead -d '{"company_size": 250}' | jq .score

    A lead's score is the same to the bit as on Kafka. Requests that arrive together are scored in
    one call. /docs shows the paths; docs/rest.md has examples, limits and settings.

    It serves this machine alone, unless a token or client certificates are set.

    Exit codes: 0 stopped by a signal; 2 an option is invalid; 3 the address is taken, or a setting
    is wrong; 1 anything else.
    """  # noqa: D301
    with exit_codes():
        given = {"rest_host": host, "rest_port": port}
        settings = load_settings(**{name: to for name, to in given.items() if to is not None})
        set_up_logging(settings)
        try:
            from stream.rest.server import RestServer
        except ModuleNotFoundError as error:
            raise StartupError(
                f"leadscore serve needs {error.name}: install leadscore[rest]"
            ) from None

        async def run() -> None:
            with stop_on_signals() as stop:
                await RestServer(settings).run(stop)

        asyncio.run(run())
