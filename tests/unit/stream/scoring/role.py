"""The scoring role as stream/roles/score.py wires it, never started."""

from __future__ import annotations

from typing import Any

from stream.faust_app import App
from stream.monitor import Monitor
from stream.roles.score import ScoringRole
from stream.settings import load_settings
from stream.topology import ROLES
from testing.fake_app import FakeApp, FakeTrials
from testing.fake_kafka import TOPIC


async def _no_checks(_: App) -> None:
    """They would ask Kafka."""


class Place:
    """A role that was never started, and what it shows."""

    def __init__(self, **given: Any) -> None:
        self.app = FakeApp()
        settings = load_settings(http_host="127.0.0.1", http_port=0, leads_created=TOPIC, **given)
        app: Any = App(settings, _no_checks)
        app.crash, app.trials = self.app.crash, FakeTrials()
        self.monitor = Monitor(app.settings, ROLES["score"].ready)
        self.health = self.monitor.health
        self.role = ScoringRole(app, self.monitor)

    def value(self, name: str, **labels: str) -> float | None:
        return self.role.metrics.registry.get_sample_value(name, labels)

    def missing(self) -> dict[str, str]:
        conditions = self.health.ready()[1]["conditions"]
        return {name: it["reason"] for name, it in conditions.items() if not it["met"]}

    def served(self) -> dict[str, str]:
        [family] = [
            family
            for family in self.role.metrics.registry.collect()
            if family.name == "leadscore_model"
        ]
        return family.samples[0].labels if family.samples else {}
