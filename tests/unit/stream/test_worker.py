"""The worker's process: exit codes, and the immediate stop on a second signal."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Iterator

import faust
import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError

from model.bundle import BundleError
from schemas.errors import FatalError, StartupError
from stream import crash_reason as crash_module
from stream import worker as worker_module
from stream.faust_app import App
from stream.process.logging import _is_news
from stream.settings import Settings, load_settings
from stream.worker import EXIT_STARTUP, Worker

UNHANDLED = "stream.kafka.unhandled_errors"


async def unchecked(_: App) -> None:
    """Check nothing: there is no Kafka."""


class FakeApp(App):
    """An app whose surroundings are as a test wants them, and which crashes while it runs.

    Attributes
    ----------
    unfit
        Found before the start.
    fails
        Raised while it starts.
    seen_by
        Which parts see that: ours, and Faust's, which crash by themselves.
    """

    unfit: Exception | None = None
    fails: Exception | None = None
    seen_by: tuple[str, ...] = ("ours",)

    async def on_start(self) -> None:
        if self.fails is None:
            return
        try:
            raise self.fails
        except Exception as error:
            for part in self.seen_by:
                await (self.crash(error) if part == "ours" else faust.App.crash(self, error))

    async def verify(self) -> None:
        if self.unfit is not None:
            raise self.unfit


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def worker(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker that was not started, and leaves the tests' logging alone."""
    monkeypatch.setattr(worker_module, "set_up_logging", lambda _: None)
    return Worker(FakeApp(load_settings(), unchecked, loop=loop), loop=loop, redirect_stdouts=False)


@pytest.mark.parametrize("kind", [StartupError, BundleError])
def test_unfit_surroundings_are_a_sentence_and_exit_code_3(
    kind: type[Exception], worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.app.unfit = kind("expected a topic, but it does not exist")
    with pytest.raises(SystemExit) as ended:
        worker.execute_from_commandline()
    assert ended.value.code == EXIT_STARTUP == 3
    [record] = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert record.getMessage() == "not started: expected a topic, but it does not exist"
    assert record.exc_info is None
    assert not worker.started


def test_an_error_of_our_own_is_no_sentence_of_the_surroundings(worker: Worker) -> None:
    worker.app.unfit = ValueError("a mistake")
    with pytest.raises(ValueError, match="a mistake"):
        worker.execute_from_commandline()


CAUSE = "expected user ann to have the right Read on the group g in Kafka, but it does not"


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right that is missing now."""

    async def verify(_: Settings) -> None:
        raise StartupError(CAUSE)

    monkeypatch.setattr(crash_module, "verify_topics", verify)


@pytest.mark.usefixtures("lacking")
@pytest.mark.parametrize(
    ("error", "seen_by", "code", "logged"),
    [
        (GroupAuthorizationFailedError("g"), ("ours",), 3, CAUSE),
        (GroupAuthorizationFailedError("g"), ("Faust's",), 3, CAUSE),
        (GroupAuthorizationFailedError("g"), ("Faust's", "ours"), 3, CAUSE),
        (StartupError("unfit"), ("ours",), 3, "unfit"),
        (FatalError("a sentence."), ("ours",), 1, f"a sentence; {CAUSE}"),
    ],
)
def test_an_error_with_a_sentence_ends_it_without_a_traceback(
    worker: Worker,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    seen_by: tuple[str, ...],
    code: int,
    logged: str,
) -> None:
    worker.app.fails, worker.app.seen_by = error, seen_by
    caplog.handler.addFilter(_is_news)
    with pytest.raises(SystemExit) as ended:
        worker.execute_from_commandline()
    assert ended.value.code == code
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert (record.levelno, record.getMessage()) == (logging.CRITICAL, f"stopped: {logged}")
    assert record.exc_info is None


@pytest.mark.usefixtures("lacking")
def test_a_mistake_ends_it_with_its_traceback(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.app.fails = ValueError("a mistake")
    caplog.handler.addFilter(_is_news)
    with pytest.raises(SystemExit) as ended:
        worker.execute_from_commandline()
    assert ended.value.code == 1
    assert [r for r in caplog.records if r.exc_info and r.exc_info[1] is worker.app.fails]


@pytest.mark.parametrize(
    ("error", "logged"),
    [
        (KafkaConnectionError("closed"), (UNHANDLED, logging.WARNING)),
        (ValueError("a mistake"), ("asyncio", logging.ERROR)),
    ],
)
def test_an_answer_of_kafka_that_comes_too_late_is_no_error(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    logged: tuple[str, int],
) -> None:
    """aiokafka continues a commit that was abandoned, and nobody awaits its result."""

    async def fail() -> None:
        raise error

    async def give_up() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        del task
        gc.collect()

    monkeypatch.setattr(
        faust.Worker,
        "execute_from_commandline",
        lambda self: self.loop.run_until_complete(give_up()),
    )
    with pytest.raises(SystemExit):
        worker.execute_from_commandline()
    found = [record for record in caplog.records if record.name in (UNHANDLED, "asyncio")]
    [record] = [record for record in found if record.levelno >= logging.WARNING]
    assert (record.name, record.levelno) == logged
    assert repr(error) in record.getMessage()


@pytest.mark.parametrize(
    ("message", "logged"),
    [
        ("Unclosed AIOKafkaConnection", (UNHANDLED, logging.WARNING)),
        ("Unclosed AIOKafkaProducer", ("asyncio", logging.ERROR)),
    ],
)
def test_an_abandoned_connection_is_a_warning_and_a_client_an_error(
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    message: str,
    logged: tuple[str, int],
) -> None:
    monkeypatch.setattr(
        faust.Worker,
        "execute_from_commandline",
        lambda self: self.loop.call_exception_handler({"message": message}),
    )
    with pytest.raises(SystemExit):
        worker.execute_from_commandline()
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (record.name, record.levelno) == logged


class Ended(BaseException):
    """Stands in for the end of the process."""


def test_the_second_signal_ends_it_at_once(
    worker: Worker, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise Ended

    stops: list[signal.Signals] = []

    async def stop(_: Worker, signal: signal.Signals) -> None:
        stops.append(signal)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    monkeypatch.setattr(Worker, "_stop_on_signal", stop)
    worker._schedule_shutdown(signal.SIGTERM)
    assert codes == []
    with pytest.raises(Ended):
        worker._schedule_shutdown(signal.SIGINT)
    assert codes == [128 + signal.SIGINT]
    loop.run_until_complete(worker._signal_stop_future)
    assert stops == [signal.SIGTERM]


def test_faust_leaves_no_spinner_on_the_terminal(worker: Worker) -> None:
    worker._setup_logging()
    assert worker.spinner is None
