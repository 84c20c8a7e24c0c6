"""Fixtures of the tests of `leadscore models`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from model.bundle import Artefacts
from model.registry import Registry
from stream.cli.models import models

Run = Callable[..., Result]
"""Runs a command of `leadscore models`: its arguments; by name, variables of the environment."""


@pytest.fixture
def registry(tmp_path: Path, artefacts: Artefacts) -> Registry:
    """Return a registry with three versions of a model, without aliases."""
    registry = Registry(tmp_path / "models")
    for _ in range(3):
        registry.publish("bank", artefacts)
    return registry


@pytest.fixture
def leadscore(registry: Registry) -> Run:
    """Return the function that runs a command on the registry."""

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(
            models, [*arguments, "--registry", registry.root], env=environment
        )

    return run
