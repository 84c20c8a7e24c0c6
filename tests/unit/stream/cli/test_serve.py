"""The command that starts the REST server."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from stream.cli.serve import serve


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "stream.rest.server", raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    for name in [name for name in sys.modules if name.startswith("stream.rest")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(serve)
    assert result.exit_code == 3
    assert "fastapi: install leadscore[rest]" in result.stderr


def test_an_open_address_without_a_token_is_refused() -> None:
    result = CliRunner().invoke(serve, ["--host", "0.0.0.0", "--port", "0"])
    assert result.exit_code == 3
    assert "LEADSCORE_REST_TOKEN" in result.stderr
