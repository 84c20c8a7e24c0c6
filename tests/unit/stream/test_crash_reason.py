"""Reason of a worker's crash: the cause that a new check of Kafka finds."""

from __future__ import annotations

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, KafkaError

from schemas.errors import FatalError, StartupError
from stream import crash_reason as module
from stream.crash_reason import crash_reason
from stream.settings import Settings

CAUSE = "expected user ann to have the right Read on the group g in Kafka, but it does not"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Result of a start-up check; empty: no failure."""
    causes: list[Exception] = []

    async def verify(_: Settings) -> None:
        if causes:
            raise causes[0]

    monkeypatch.setattr(module, "verify_topics", verify)
    return causes


def fatal(sentence: str, error: KafkaError) -> FatalError:
    wrapped = FatalError(sentence)
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    "error",
    [
        GroupAuthorizationFailedError("g"),
        fatal("Kafka was expected to take it.", GroupAuthorizationFailedError("g")),
    ],
)
async def test_a_refusal_names_the_missing_right(found: list[Exception], error: Exception) -> None:
    found.append(StartupError(CAUSE))
    reason = await crash_reason(error, Settings())
    assert isinstance(reason, StartupError)  # exit code 3: somebody must grant it
    assert str(reason) == CAUSE
    assert reason.__cause__ is error


async def test_another_error_keeps_its_sentence_and_gets_the_cause(found: list[Exception]) -> None:
    found.append(StartupError("the certificate has expired"))
    error = fatal("Nothing was delivered for 120 s.", KafkaConnectionError())
    reason = await crash_reason(error, Settings())
    assert str(reason) == "Nothing was delivered for 120 s; the certificate has expired"
    assert not isinstance(reason, StartupError)  # exit code 1: another start may do


async def test_a_bare_error_of_kafka_becomes_a_sentence(found: list[Exception]) -> None:
    reason = await crash_reason(GroupAuthorizationFailedError("g"), Settings())
    assert isinstance(reason, FatalError)
    assert "but answered GroupAuthorizationFailedError('g')" in str(reason)


@pytest.mark.parametrize("error", [FatalError("a sentence"), ValueError("a mistake")])
async def test_an_error_without_a_cause_in_kafka_stays_as_it_is(
    found: list[Exception], error: Exception
) -> None:
    assert await crash_reason(error, Settings()) is error


async def test_a_mistake_is_not_blamed_on_kafka(found: list[Exception]) -> None:
    found.append(StartupError(CAUSE))
    error = ValueError("a mistake")
    assert await crash_reason(error, Settings()) is error


async def test_a_check_that_fails_itself_changes_nothing(found: list[Exception]) -> None:
    found.append(TimeoutError())
    error = FatalError("a sentence")
    assert await crash_reason(error, Settings()) is error
