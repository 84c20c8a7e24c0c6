"""Log errors that reach the event loop, as nothing waits for them any more."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiokafka.errors import KafkaError

__all__ = ["log_unhandled"]

log = logging.getLogger(__name__)


def log_unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an unhandled error of the loop; in one line if it comes from an abandoned request.

    aiokafka shields a commit from the caller's timeout, so a late response has no receiver; and a
    client that is abandoned while it starts does not close the connection that it is opening.
    """
    error = context.get("exception")
    if isinstance(error, KafkaError):
        log.warning("a late response to an abandoned request is ignored: %r", error)
    elif context.get("message") == "Unclosed AIOKafkaConnection":
        log.warning("closed a connection that was abandoned while it was opened")
    else:
        loop.default_exception_handler(context)
