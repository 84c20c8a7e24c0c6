"""Command: leadscore serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stream.cli.http_command import address_options, run_http_server

if TYPE_CHECKING:
    from stream.rest.server import RestServer

__all__ = ["serve"]


@click.command()
@address_options
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

    def load() -> type[RestServer]:
        from stream.rest.server import RestServer

        return RestServer

    run_http_server("serve", host, port, load)
