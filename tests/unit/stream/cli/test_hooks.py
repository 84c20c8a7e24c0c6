"""The command that receives webhooks."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from stream.cli.hooks import hooks


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    names = [name for name in sys.modules if name.startswith(("stream.rest", "stream.hooks"))]
    for name in names:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(hooks)
    assert result.exit_code == 3
    assert "fastapi: install leadscore[rest]" in result.stderr


def test_without_a_sender_it_says_what_to_set() -> None:
    result = CliRunner().invoke(hooks, ["--port", "0"])
    assert result.exit_code == 3
    assert "LEADSCORE_HOOKS_HUBSPOT_SECRET" in result.stderr
