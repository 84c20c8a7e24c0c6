"""Docker is taken only where its engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.broker.docker import start_docker_broker
from stream.broker.node import BrokerUnavailableError


def test_a_docker_client_without_an_engine_is_not_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    with pytest.raises(BrokerUnavailableError, match="no Docker engine answers"):
        start_docker_broker()
