"""Every kind of sink, by its name on the command line; imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any

from schemas.errors import StartupError
from stream.settings import Settings
from stream.sinks.sink import Sink

__all__ = ["KINDS", "make_sink"]

KINDS = {
    "jsonl": ("stream.sinks.jsonl", ""),
    "delta": ("stream.sinks.delta", "delta"),
    "sql": ("stream.sinks.sql", "sql"),
    "webhook": ("stream.sinks.webhook", "webhook"),
    "crm": ("stream.sinks.crm", "crm"),
}
"""Module and extra of each kind; the module's ``make_sink`` makes one from the settings."""


def make_sink(settings: Settings) -> Sink:
    """Make the sink that the settings name, without connecting.

    Raises
    ------
    StartupError
        A setting that the sink needs is missing, or its packages are not installed.
    """
    module, extra = KINDS[settings.sink]
    try:
        made: Any = importlib.import_module(module)
    except ImportError as error:
        raise StartupError(
            f"expected the packages of the sink {settings.sink}, but {error.name} is missing:"
            f" install them with pip install 'leadscore[{extra}]'"
        ) from error
    sink: Sink = made.make_sink(settings)
    return sink
