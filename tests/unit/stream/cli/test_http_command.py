"""Commands that answer HTTP requests have their options and their course in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from stream.cli.http_command import HttpServer, address_options, run_http_server
from stream.settings import Settings

Load = Callable[[], Callable[[Settings], HttpServer]]


def command_of(load: Load) -> click.Command:
    @click.command()
    @address_options
    def answer(host: str | None, port: int | None) -> None:
        run_http_server("answer", host, port, load)

    return answer


def test_the_server_has_the_settings_with_the_options() -> None:
    seen: list[Settings] = []

    class Server:
        def __init__(self, settings: Settings) -> None:
            seen.append(settings)

        async def run(self, stop: asyncio.Event) -> None:
            assert not stop.is_set()

    command = command_of(lambda: Server)
    assert CliRunner().invoke(command, ["--host", "127.0.0.9", "--port", "0"]).exit_code == 0
    assert CliRunner().invoke(command, []).exit_code == 0
    assert [(it.rest_host, it.rest_port) for it in seen] == [
        ("127.0.0.9", 0),
        ("127.0.0.1", 8000),
    ]


def test_a_package_that_is_missing_is_named() -> None:
    def load() -> Callable[[Settings], HttpServer]:
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    result = CliRunner().invoke(command_of(load))
    assert result.exit_code == 3
    assert "leadscore answer needs fastapi: install leadscore[rest]" in result.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    result = CliRunner().invoke(command_of(lambda: pytest.fail("not loaded")), ["--port", port])
    assert result.exit_code == 2
