"""`leadscore hooks`: receive webhooks of CRMs, and write their leads to Kafka."""

from __future__ import annotations

import asyncio

import click

from schemas.errors import StartupError
from stream.process.exit_codes import exit_codes
from stream.process.logging import set_up_logging
from stream.settings import load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["hooks"]


@click.command()
@click.option("--host", help="Address to listen on.  [default: LEADSCORE_REST_HOST]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0: any free port.  [default: LEADSCORE_REST_PORT]",
)
def hooks(host: str | None, port: int | None) -> None:
    """Receive webhooks of CRMs, and write their leads to Kafka for the workers.

    \b
      leadscore hooks --port 8087

    POST /hooks/hubspot, /hooks/salesforce and /hooks/generic are served if their settings
    (LEADSCORE_HOOKS_...) are there. Each request must have a valid signature or secret. It is
    answered once all in-sync replicas of Kafka have its leads; else the sender repeats it.
    `leadscore sink crm` writes the scores back. Set-up of each CRM: docs/crm.md.

    Exit codes: 0 stopped by a signal; 2 an option is invalid; 3 the address is taken, or a setting
    is missing or wrong; 1 anything else.
    """  # noqa: D301
    with exit_codes():
        given = {"rest_host": host, "rest_port": port}
        settings = load_settings(**{name: to for name, to in given.items() if to is not None})
        set_up_logging(settings)
        try:
            from stream.hooks.server import HookServer
        except ModuleNotFoundError as error:
            raise StartupError(
                f"leadscore hooks needs {error.name}: install leadscore[rest]"
            ) from None

        async def run() -> None:
            with stop_on_signals() as stop:
                await HookServer(settings).run(stop)

        asyncio.run(run())
