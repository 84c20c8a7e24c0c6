"""The worker's entry point: `leadscore worker`, or `faust -A stream.app worker -l info`."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from stream.drift.window_table import DriftTable
from stream.faust_app import App
from stream.process.exit_codes import exit_codes
from stream.process.garbage import collect_seldom
from stream.settings import Settings, load_settings
from stream.startup_checks import verify
from stream.topology import wire
from stream.unknown_variables import unknown_variables
from stream.worker import Worker

__all__ = ["create_app", "run"]

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> App:
    """Make the app and its agents and services (stream/topology.py)."""
    app = App(settings, _verify, Table=DriftTable)
    wire(app)
    return app


async def _verify(app: App) -> None:
    """Check settings, model, Kafka and address; raise a StartupError with one sentence."""
    log.info("settings", extra={"settings": app.settings.masked()})
    for variable in unknown_variables():
        log.warning("%s (docs/settings.md)", variable)
    await verify(app.settings, app.trials, app.schemas)


with exit_codes():  # both commands that import this show a sentence, not a traceback
    app = create_app(load_settings())


def run() -> NoReturn:
    """Run the worker in the foreground until a signal or a crash."""
    if app.settings.uvloop:
        _use_uvloop()
    collect_seldom()
    app.finalize()
    Worker(app, redirect_stdouts=False, quiet=True).execute_from_commandline()


def _use_uvloop() -> None:
    try:
        from stream.process.event_loop import EventLoopPolicy
    except ImportError:  # uvloop is not there on Windows
        return
    asyncio.set_event_loop_policy(EventLoopPolicy())
