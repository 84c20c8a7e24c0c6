"""Reason of a crash in one sentence, with the cause that a new check of Kafka finds."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.kafka.topic_admin import verify_topics
from stream.process.refusals import REFUSALS
from stream.settings import Settings

__all__ = ["crash_reason"]

ASKED_FOR = 8.0
"""Most seconds for finding the cause."""


async def crash_reason(error: BaseException, settings: Settings) -> BaseException:
    """Return an error that names the cause, for an error that Kafka returned or may have caused.

    A client's error says little: a revoked right is just "not authorized", an expired certificate
    a lost connection. So the start-up checks are repeated.

    Parameters
    ----------
    error
        The error that ends the worker.
    settings
        The worker's settings.

    Returns
    -------
    BaseException
        A StartupError if a right is missing; a FatalError for other errors of Kafka and fatal ones;
        else the error itself, such as a bug.
    """
    if isinstance(error, StartupError) or not isinstance(error, (FatalError, KafkaError)):
        return error
    cause = await _cause(settings)
    if cause is not None and isinstance(_given_by_kafka(error), REFUSALS):
        return _because(cause, error)
    if isinstance(error, FatalError) and cause is None:
        return error
    sentence = str(error).rstrip(".") if isinstance(error, FatalError) else _sentence(error)
    return _because(FatalError(sentence if cause is None else f"{sentence}; {cause}"), error)


async def _cause(settings: Settings) -> StartupError | None:
    try:
        async with asyncio.timeout(ASKED_FOR):
            await verify_topics(settings)
    except StartupError as cause:
        return cause
    except (TimeoutError, FatalError, KafkaError):
        pass
    return None


def _given_by_kafka(error: BaseException) -> BaseException | None:
    return error.__cause__ if isinstance(error, FatalError) else error


def _sentence(error: BaseException) -> str:
    return f"Kafka was expected to continue to serve this worker, but answered {error!r}"


def _because(fatal: FatalError, error: BaseException) -> FatalError:
    fatal.__cause__ = error
    return fatal
