from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Callable

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    TopicAuthorizationFailedError,
)

from stream.process.logging import set_up_logging
from stream.settings import Settings

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_log_is_a_json_object_a_line_with_utc_time_and_extras() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(), stream)

    logging.getLogger("stream.consume.batch_source").info(
        "assigned %d", 4, extra={"partitions": [0, 1]}
    )

    [line] = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    line.pop("taskName", None)
    assert line == {
        "level": "INFO",
        "logger": "stream.consume.batch_source",
        "message": "assigned 4",
        "partitions": [0, 1],
    }


def test_an_exception_stays_on_its_line() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(), stream)

    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("model").exception("failed")

    [line] = lines(stream)
    assert "ValueError: broken" in str(line["exc_info"])


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_a_url_in_a_librarys_error_has_no_password(log_format: str) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_format=log_format), stream)
    said = "ftp://keeper:s3cr3t@store/models is unavailable"

    try:
        raise OSError(said)
    except OSError as error:
        logging.getLogger("model").exception("failed: %s", error, extra={"why": str(error)})

    assert "s3cr3t" not in stream.getvalue()
    assert stream.getvalue().count("ftp://keeper:***@store/models is unavailable") >= 3


def test_a_missing_right_is_logged_without_a_stack() -> None:
    """From any library: aiokafka's sender and Faust's consumer log one."""
    stream = io.StringIO()
    set_up_logging(Settings(), stream)

    try:
        raise TopicAuthorizationFailedError("leads.created")
    except TopicAuthorizationFailedError:
        logging.getLogger("aiokafka.producer.sender").exception("unexpected")

    [line] = lines(stream)
    assert "exc_info" not in line
    assert line["error"] == "TopicAuthorizationFailedError('leads.created')"


@pytest.mark.parametrize("library", ["faust.app", "mode.worker", "aiokafka.consumer", "asyncio"])
def test_libraries_are_heard_from_warning_on(library: str) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_level="DEBUG"), stream)

    logging.getLogger(library).info("noise")
    logging.getLogger(library).warning("trouble")
    logging.getLogger("agents.scoring").debug("detail")

    assert [line["message"] for line in lines(stream)] == ["trouble", "detail"]


def test_a_higher_level_holds_for_libraries_too() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_level="ERROR"), stream)

    logging.getLogger("faust").warning("trouble")
    logging.getLogger("stream.app").warning("trouble")

    assert stream.getvalue() == ""


def test_pythons_warnings_are_logged() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(), stream)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old ways", UserWarning, stacklevel=1)

    [line] = lines(stream)
    assert line["logger"] == "py.warnings"
    assert "old ways" in str(line["message"])


def test_on_a_terminal_logs_are_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    set_up_logging(Settings(), stream)

    logging.getLogger("stream.consume.batch_source").warning("assigned", extra={"partitions": 4})

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d \x1b\[33mWARNING \x1b\[0m stream.consume.batch_source: assigned"
        r" \x1b\[2mpartitions=4\x1b\[0m\n",
        stream.getvalue(),
    )


def test_colours_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    set_up_logging(Settings(), stream)

    logging.getLogger("stream").error("plain")

    assert "\x1b" not in stream.getvalue()
    assert stream.getvalue().endswith(" ERROR    stream: plain\n")


def test_json_can_be_had_on_a_terminal_and_lines_for_people_in_a_file() -> None:
    terminal, file = Terminal(), io.StringIO()
    set_up_logging(Settings(log_format="json"), terminal)
    logging.getLogger("stream").info("one")
    set_up_logging(Settings(log_format="human"), file)
    logging.getLogger("stream").info("two")

    assert lines(terminal)[0]["message"] == "one"
    assert file.getvalue().endswith(" INFO     stream: two\n")


def test_a_terminal_does_not_obey_what_a_log_line_quotes() -> None:
    file = io.StringIO()
    set_up_logging(Settings(log_format="human"), file)
    odd = "a\x1b[2J\n09:00:00 ERROR stream: forged"
    try:
        raise ValueError(odd)
    except ValueError:
        logging.getLogger("stream").exception("read %s", odd, extra={"column": odd})

    head, *trace = file.getvalue().splitlines()
    assert r"read a\x1b[2J\n09:00:00" in head
    assert r"column=a\x1b[2J\n09:00:00" in head
    assert "\x1b" not in file.getvalue()
    assert trace[0] == "Traceback (most recent call last):"


def test_json_logs_keep_what_they_quote() -> None:
    file = io.StringIO()
    set_up_logging(Settings(log_format="json"), file)
    logging.getLogger("stream").warning("read %s", "a\x1b[2J\nb")
    assert lines(file)[0]["message"] == "read a\x1b[2J\nb"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the time that the next records bear."""

    def at(seconds: float) -> None:
        monkeypatch.setattr("logging.time.time", lambda: 1_800_000_000.0 + seconds)
        monkeypatch.setattr(
            "logging.time.time_ns", lambda: round((1_800_000_000 + seconds) * 1e9), raising=False
        )

    return at


def test_log_lines_of_a_normal_start_of_aiokafka_are_hidden_unless_they_recur(
    at: Callable[[float], None],
) -> None:
    """A first start on a new broker logged ERROR lines, and nothing was wrong."""
    stream = io.StringIO()
    set_up_logging(Settings(log_format="json"), stream)
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    for seconds in (0, 1, 20, 29, 31, 500):
        at(seconds)
        log.error("Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError())
    assert [line["time"] for line in lines(stream)] == ["2027-01-15T08:00:31.000Z"]


def test_a_coordinator_that_refuses_for_good_is_shown_at_once() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_format="json"), stream)
    log = logging.getLogger("aiokafka.consumer.group_coordinator")
    log.error("Group Coordinator Request failed: %s", GroupAuthorizationFailedError("g"))
    log.error("LeaveGroup request failed: %s", GroupCoordinatorNotAvailableError())
    assert len(lines(stream)) == 2
