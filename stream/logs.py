"""Logs: JSON lines for machines, short lines for people at a terminal. Ids only, no lead's data."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, TextIO

from aiokafka.errors import KafkaError, ProducerFenced
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from schemas.display import for_terminal
from schemas.errors import FatalError
from stream.access import REFUSALS
from stream.settings import Settings

__all__ = ["set_up_logging"]

CRASHES = ("Crashed reason=%r", "Error: %r", "Drain messages raised: %r")
"""How what mode and Faust log of a crash ends."""

ROUTINE = (
    "Group Coordinator Request failed: %s",
    "Heartbeat failed for group %s because it is rebalancing",
)
"""What aiokafka logs at a normal start, while Kafka makes the group, and whenever members come."""
ROUTINE_SECONDS = 30.0
"""For how long that is routine."""

OURS = ("stream", "agents", "features", "model", "monitoring", "schemas")

COLOURS = {
    logging.DEBUG: "2",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "1;31",
}
"""By level, the terminal's code."""


def set_up_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all logs and Python's warnings to one stream, in one form.

    LeadScore logs from the level that is set; libraries (Faust, mode, aiokafka and all others)
    only from WARNING, or from the level that is set where that is higher.

    Parameters
    ----------
    settings
        Of these `log_format` and `log_level` count.
    stream
        Where to; by default standard error.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(settings.log_format, stream))
    handler.addFilter(_is_news)
    handler.addFilter(_without_stack)
    handler.addFilter(_Routine())
    level = logging.getLevelNamesMapping()[settings.log_level]
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether anybody should read this.

    Of a producer that is fenced aiokafka leaves futures behind that nobody can ask for. The writer
    of the partition logs that it is another's. An error that ends the worker is logged as one
    sentence where it has one (stream/app.py); mode logs it again, each time with its stack.
    """
    if record.args and str(record.msg).endswith(CRASHES):
        return not isinstance(next(iter(record.args)), (FatalError, KafkaError))
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "asyncio" and isinstance(error, ProducerFenced))


def _without_stack(record: logging.LogRecord) -> bool:
    """Log a missing right without its stack: libraries log one, which says nothing of the right."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, REFUSALS):
        record.exc_info = None
        record.error = repr(error)
    return True


class _Routine(logging.Filter):
    """Leaves out what is part of a normal start or rebalance, while it does not go on."""

    def __init__(self) -> None:
        super().__init__()
        self._first = self._last = -inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether anybody should read this."""
        if record.msg not in ROUTINE or _is_no_routine(record):
            return True
        if record.created - self._last > ROUTINE_SECONDS:
            self._first = record.created
        self._last = record.created
        return self._last - self._first > ROUTINE_SECONDS


def _is_no_routine(record: logging.LogRecord) -> bool:
    """Return whether an error can't be the state of a group that is being made."""
    error = next(iter(record.args or ()), None)
    return isinstance(error, KafkaError) and not error.retriable


def _formatter(log_format: str, stream: TextIO) -> logging.Formatter:
    if log_format == "human" or (log_format == "auto" and stream.isatty()):
        return _HumanFormatter(has_colours=stream.isatty() and not os.environ.get("NO_COLOR"))
    return _JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
    )


class _JsonFormatter(OrjsonFormatter):
    """A JSON object a line, the time in UTC."""

    def formatTime(  # noqa: N802 - logging's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _HumanFormatter(logging.Formatter):
    """Time of day, level, where it comes from, message and extras, with colours if wanted.

    What a message, an extra or an error quotes cannot act on the terminal, nor begin a line.
    """

    def __init__(self, *, has_colours: bool) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._has_colours = has_colours

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        level = self._coloured(f"{record.levelname:<8}", COLOURS.get(record.levelno, "0"))
        extras = for_terminal(" ".join(f"{name}={value}" for name, value in _extras(record)))
        message = for_terminal(record.message)
        line = f"{self.formatTime(record, self.datefmt)} {level} {record.name}: {message}"
        return f"{line} {self._coloured(extras, '2')}" if extras else line

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return "\n".join(map(for_terminal, super().formatException(ei).split("\n")))

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._has_colours else text


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in vars(record).items():
        if name not in RESERVED_ATTRS and name not in ("message", "asctime", "taskName"):
            yield name, value
