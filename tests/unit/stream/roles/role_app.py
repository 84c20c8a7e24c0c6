"""An app of a role that is never started, and its monitor."""

from __future__ import annotations

from typing import Any

from stream.drift.window_table import DriftTable
from stream.faust_app import App
from stream.monitor import Monitor
from stream.settings import load_settings
from stream.topology import ROLES

NEEDED = {"archive": "archive", "sink_to": "scores", "outcome_store": "stores"}
"""Settings without which a role does not start."""


async def _no_checks(_: App) -> None:
    """They would ask Kafka."""


def role_app(role: Any, **given: Any) -> App:
    """Make the app of a role."""
    return App(load_settings(role=role, **NEEDED | given), _no_checks, Table=DriftTable)


def monitor_of(app: App) -> Monitor:
    """Make the monitor of an app's role."""
    return Monitor(app.settings, ROLES[app.settings.role].ready)
