"""Logging: JSON lines, or short lines at a terminal; of a lead they hold a keyed hash at most."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import textwrap
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, TextIO

from aiokafka.errors import KafkaError, ProducerFenced
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from schemas.display import for_terminal
from schemas.errors import FatalError
from schemas.urls import mask_url
from stream.process.lead_keys import KeyedLeads
from stream.process.refusals import REFUSALS
from stream.process.terminal_log import LABEL, lines_of
from stream.settings import Settings

__all__ = ["is_for_people", "set_up_logging"]

CRASHES = ("Crashed reason=%r", "Error: %r", "Drain messages raised: %r")
"""Messages with which mode and Faust log a crash."""

ROUTINE = (
    "Group Coordinator Request failed: %s",
    "Heartbeat failed for group %s because it is rebalancing",
)
"""aiokafka's messages of a normal start or rebalance."""
ROUTINE_SECONDS = 30.0
"""Seconds after the start in which these messages are suppressed."""

REPEATED_AFTER = 60.0
"""Seconds after which a terminal shows a library's warning again."""
MOST_KINDS, KIND_LENGTH = 1000, 200
"""Most warnings that are remembered, and most characters of each."""

OURS = ("stream", "agents", "features", "model", "monitoring", "schemas")

COLOURS = {
    logging.DEBUG: "2",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "1;31",
}
"""Terminal colour codes by level."""
BOLD = "1"


def set_up_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all logs and Python warnings to one stream, in one format.

    LeadScore logs from the level that is set; libraries (Faust, mode, aiokafka and all others)
    only from WARNING, or from the level that is set where that is higher.

    Parameters
    ----------
    settings
        Settings; `log_format`, `log_level` and `log_id_key` are used.
    stream
        Destination; by default standard error.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(is_for_people(settings, stream), stream))
    if is_for_people(settings, stream):
        handler.addFilter(_is_no_service_step)
        handler.addFilter(_Repeats())
    secret = settings.log_id_key
    handler.addFilter(KeyedLeads(None if secret is None else secret.get_secret_value()))
    handler.addFilter(_is_news)
    handler.addFilter(_without_stack)
    handler.addFilter(_Routine())
    level = logging.getLevelNamesMapping()[settings.log_level]
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a log record adds information.

    A fenced producer of aiokafka leaves futures whose errors can't be retrieved; the partition's
    writer logs the fencing itself. An error that ends the worker is logged as one sentence
    (stream/app.py); mode logs it again several times with its traceback, and the agents that it
    cancels as crashes.
    """
    if record.args and str(record.msg).endswith(CRASHES):
        return not isinstance(next(iter(record.args)), (FatalError, KafkaError, CancelledError))
    error = record.exc_info[1] if record.exc_info else None
    return not (record.name == "asyncio" and isinstance(error, ProducerFenced))


def _without_stack(record: logging.LogRecord) -> bool:
    """Remove the traceback from a log record about a missing right, where it does not help."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, REFUSALS):
        record.exc_info = None
        record.error = repr(error)
    return True


class _Routine(logging.Filter):
    """Suppresses messages of a normal start or rebalance, unless they persist."""

    def __init__(self) -> None:
        super().__init__()
        self._first = self._last = -inf

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.msg not in ROUTINE or _is_no_routine(record):
            return True
        if record.created - self._last > ROUTINE_SECONDS:
            self._first = record.created
        self._last = record.created
        return self._last - self._first > ROUTINE_SECONDS


class _Repeats(logging.Filter):
    """Suppresses a library's warning that was logged within the last minute."""

    def __init__(self) -> None:
        super().__init__()
        self._shown_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is logged."""
        if record.levelno > logging.WARNING or record.name.startswith(OURS):
            return True
        kind = (record.name, str(record.msg)[:KIND_LENGTH])
        if record.created - self._shown_at.get(kind, -inf) < REPEATED_AFTER:
            return False
        if len(self._shown_at) >= MOST_KINDS:
            self._shown_at.clear()
        self._shown_at[kind] = record.created
        return True


def _is_no_routine(record: logging.LogRecord) -> bool:
    """Return whether an error can't be explained by a group that is being created."""
    error = next(iter(record.args or ()), None)
    return isinstance(error, KafkaError) and not error.retriable


def is_for_people(settings: Settings, stream: TextIO | None = None) -> bool:
    """Return whether logs are short lines rather than JSON.

    Parameters
    ----------
    settings
        Settings; `log_format` is used.
    stream
        Destination of the logs; by default standard error.
    """
    is_terminal = (stream or sys.stderr).isatty()
    return settings.log_format == "human" or (settings.log_format == "auto" and is_terminal)


def _is_no_service_step(record: logging.LogRecord) -> bool:
    """Return whether a record is not mode's message about starting or stopping a service."""
    return record.levelno > logging.INFO or not str(record.msg).startswith("[^")


def _terminal_width() -> int:
    return shutil.get_terminal_size().columns


def _formatter(has_readers: bool, stream: TextIO) -> logging.Formatter:
    if has_readers:
        return _HumanFormatter(
            has_colours=stream.isatty() and not os.environ.get("NO_COLOR"),
            width=_terminal_width if stream.isatty() else None,
        )
    return _JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
    )


class _JsonFormatter(OrjsonFormatter):
    """Formats a record as one line of JSON, with the time in UTC.

    Passwords of URLs are masked: a library's error may quote the address of a store.
    """

    def format(self, record: logging.LogRecord) -> str:
        return mask_url(super().format(record))

    def formatTime(  # noqa: N802 - logging's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _HumanFormatter(logging.Formatter):
    """Formats time, level, logger, message and extras, with colours if wanted.

    Control characters and line breaks in quoted text are escaped, passwords of URLs masked.
    """

    def __init__(self, *, has_colours: bool, width: Callable[[], int] | None = None) -> None:
        super().__init__(datefmt="%H:%M:%S")
        self._has_colours = has_colours
        self._width = width

    def format(self, record: logging.LogRecord) -> str:
        return mask_url(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        lines = lines_of(record)
        if lines is not None:
            return "\n".join(self._screen_line(record, *line) for line in lines)
        level = self._coloured(f"{record.levelname:<8}", COLOURS.get(record.levelno, "0"))
        extras = for_terminal(" ".join(f"{name}={value}" for name, value in _extras(record)))
        message = for_terminal(record.message)
        line = f"{self.formatTime(record, self.datefmt)} {level} {record.name}: {message}"
        return f"{line} {self._coloured(extras, '2')}" if extras else line

    def _screen_line(self, record: logging.LogRecord, label: str, text: str) -> str:
        shown = label or self.formatTime(record, self.datefmt)
        colour = COLOURS[record.levelno] if record.levelno > logging.INFO else BOLD
        if record.msg == "ready":
            colour = COLOURS[logging.INFO]
        text = for_terminal(text)
        if self._width is not None:
            room = max(self._width() - LABEL, LABEL)
            wrapped = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
            text = f"\n{' ' * LABEL}".join(wrapped)
        return f"{self._coloured(f'{shown:<{LABEL}}', colour)}{text}"

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return "\n".join(map(for_terminal, super().formatException(ei).split("\n")))

    def _coloured(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._has_colours else text


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in vars(record).items():
        if name not in RESERVED_ATTRS and name not in ("message", "asctime", "taskName"):
            yield name, value
