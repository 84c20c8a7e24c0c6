"""Every kind of sink, by its name on the command line; imported when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any, NamedTuple

from schemas.errors import StartupError
from stream.settings import Settings
from stream.sinks.sink import Sink

__all__ = ["KINDS", "make_sink"]


class Kind(NamedTuple):
    """A kind of sink.

    Attributes
    ----------
    module
        Its ``make_sink`` makes one from the settings.
    extra
        What is to be installed for it; empty: nothing.
    contents
        What it can write.
    """

    module: str
    extra: str
    contents: Collection[str] = ("scores", "leads")


KINDS = {
    "jsonl": Kind("stream.sinks.jsonl", ""),
    "delta": Kind("stream.sinks.delta", "delta"),
    "sql": Kind("stream.sinks.sql", "sql"),
    "webhook": Kind("stream.sinks.webhook", "webhook", ("scores", "overdue")),
    "crm": Kind("stream.sinks.crm", "crm", ("scores",)),
}


def make_sink(settings: Settings) -> Sink:
    """Make the sink that the settings name, without connecting.

    Raises
    ------
    StartupError
        A setting that the sink needs is missing, it does not write this content, or its packages
        are not installed.
    """
    module, extra, contents = KINDS[settings.sink]
    if settings.sink_content not in contents:
        raise StartupError(
            f"expected --content to be {' or '.join(contents)} for the sink {settings.sink}, got"
            f" {settings.sink_content}"
        )
    try:
        made: Any = importlib.import_module(module)
    except ImportError as error:
        raise StartupError(
            f"expected the packages of the sink {settings.sink}, but {error.name} is missing:"
            f" install them with pip install 'leadscore[{extra}]'"
        ) from error
    sink: Sink = made.make_sink(settings)
    return sink
