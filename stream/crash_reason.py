"""What a crash is told as: the cause that Kafka itself gives when it is asked, as one sentence."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.kafka.access import REFUSALS
from stream.kafka.topic_admin import verify_topics
from stream.settings import Settings

__all__ = ["crash_reason"]

ASKED_FOR = 8.0
"""Seconds that the search for the cause may take."""


async def crash_reason(error: BaseException, settings: Settings) -> BaseException:
    """Return an error that names the cause, for one that Kafka gave or may have caused.

    A client's error says little: a right that was taken away is "not authorized", a certificate
    that has expired a lost connection. So what is checked at a start is checked again.

    Parameters
    ----------
    error
        Why the worker ends.
    settings
        Of the worker.

    Returns
    -------
    BaseException
        A StartupError where Kafka refused for a right that is missing; for other errors of Kafka
        and fatal ones a FatalError; else the error itself, as for a mistake in the code.
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
    return f"Kafka was expected to go on serving this worker, but answered {error!r}"


def _because(told: FatalError, error: BaseException) -> FatalError:
    told.__cause__ = error
    return told
