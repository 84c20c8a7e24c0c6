"""Options and course of the commands that answer HTTP requests: `serve` and `hooks`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import click

from schemas.errors import StartupError
from stream.process.exit_codes import exit_codes
from stream.process.logging import set_up_logging
from stream.settings import Settings, load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["HttpServer", "address_options", "run_http_server"]

Command = TypeVar("Command", bound=Callable[..., Any])


class HttpServer(Protocol):
    """A server that a command runs."""

    async def run(self, stop: asyncio.Event) -> None:
        """Answer requests until the event is set."""


def address_options(command: Command) -> Command:
    """Add the options `--host` and `--port`."""
    port = click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="Port to listen on; 0: any free port.  [default: LEADSCORE_REST_PORT]",
    )
    host = click.option("--host", help="Address to listen on.  [default: LEADSCORE_REST_HOST]")
    return host(port(command))


def run_http_server(
    name: str,
    host: str | None,
    port: int | None,
    load: Callable[[], Callable[[Settings], HttpServer]],
) -> None:
    """Run a server until a signal stops it; end the process with the exit code of a failure.

    Parameters
    ----------
    name
        Name of the command.
    host, port
        Values of its options; None: those of the settings.
    load
        Imports the server and returns it: the packages that it needs are optional.
    """
    with exit_codes():
        given = {"rest_host": host, "rest_port": port}
        settings = load_settings(**{name: to for name, to in given.items() if to is not None})
        set_up_logging(settings)
        try:
            make = load()
        except ModuleNotFoundError as error:
            raise StartupError(
                f"leadscore {name} needs {error.name}: install leadscore[rest]"
            ) from None

        async def run() -> None:
            with stop_on_signals() as stop:
                await make(settings).run(stop)

        asyncio.run(run())
