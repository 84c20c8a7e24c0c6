"""Errors that nothing waits for: a line for those of Kafka, all of it for others."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import ProducerFenced

from stream.kafka.unhandled_errors import log_unhandled


class Loop:
    """An event loop that keeps what its own handler gets."""

    def __init__(self) -> None:
        self.contexts: list[dict[str, Any]] = []

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.contexts.append(context)


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ({"message": "never retrieved", "exception": ProducerFenced()}, "ProducerFenced"),
        ({"message": "Unclosed AIOKafkaConnection"}, "closed a connection"),
    ],
)
def test_an_abandoned_request_is_one_line(
    context: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    loop: Any = Loop()
    log_unhandled(loop, context)
    [line] = caplog.messages
    assert says in line
    assert loop.contexts == []


def test_another_error_goes_to_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    loop: Any = Loop()
    context = {"message": "never retrieved", "exception": ValueError("a bug")}
    log_unhandled(loop, context)
    assert (loop.contexts, caplog.messages) == ([context], [])
