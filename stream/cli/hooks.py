"""`leadscore hooks`: receive webhooks of CRMs, and write their leads to Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stream.cli.http_command import address_options, run_http_server

if TYPE_CHECKING:
    from stream.hooks.server import HookServer

__all__ = ["hooks"]


@click.command()
@address_options
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

    def load() -> type[HookServer]:
        from stream.hooks.server import HookServer

        return HookServer

    run_http_server("hooks", host, port, load)
