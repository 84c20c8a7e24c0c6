"""`leadscore lag` on scripted readings: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from click.testing import CliRunner, Result

from stream.cli import lag as command
from stream.lag.catch_up import Rates
from stream.lag.figures import Backlog, GroupLag, Offsets, lag_from
from stream.lag.reader import GroupTopics
from stream.lag.rounds import Round
from stream.settings import Settings
from testing.jumping_time import in_jumping_time

NOW = 1_790_000_000.0


def lag(group: str = "leadscore", messages: int = 0, topic: str = "leads.created") -> GroupLag:
    backlog = Backlog(messages, True, int((NOW - 90) * 1000)) if messages else None
    return lag_from((group, topic, 0), Offsets(100 - messages, 0, 100), backlog, NOW)


@dataclass
class FakeKafka:
    """Lags whose readings are scripted; the last one is repeated.

    Attributes
    ----------
    on_read
        Called before each reading with its number, from 1.
    asked
        What the command has asked for.
    """

    readings: list[list[GroupLag] | Exception]
    on_read: Callable[[int], None] = lambda number: None
    reads: int = 0
    asked: list[tuple[Sequence[GroupTopics], str]] = field(default_factory=list)

    def now(self) -> float:
        return NOW

    async def read(self) -> list[GroupLag]:
        self.reads += 1
        self.on_read(self.reads)
        found = self.readings[min(self.reads, len(self.readings)) - 1]
        if isinstance(found, Exception):
            raise found
        return found


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a FakeKafka."""

    def run(kafka: FakeKafka, *arguments: str) -> Result:
        @asynccontextmanager
        async def open_lags(
            settings: Settings, asked: Sequence[GroupTopics], isolation_level: str
        ) -> AsyncIterator[FakeKafka]:
            kafka.asked.append((asked, isolation_level))
            yield kafka

        monkeypatch.setattr(command, "open_lags", open_lags)
        # Loggers belong to all tests.
        monkeypatch.setattr("stream.cli.until_signal.set_up_logging", lambda _: None)
        return CliRunner().invoke(command.lag, ["--over", "0.001s", *arguments])

    return run


def lines(result: Result) -> list[Any]:
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def test_json_is_a_line_for_each_partition_with_the_time_of_the_figures(run: Run) -> None:
    result = run(FakeKafka([[lag(), lag("other")]]), "--json", "--group", "leadscore")
    assert result.exit_code == 0
    assert [(one["group"], one["messages"], one["at"]) for one in lines(result)] == [
        ("leadscore", 0, NOW), ("other", 0, NOW)
    ]  # fmt: skip


def test_a_group_that_is_behind_is_read_twice_for_its_rates(run: Run) -> None:
    behind = [lag(messages=40)], [lag(messages=40).with_rates(Rates(6.0, 2.0))]
    kafka = FakeKafka([*behind])
    result = run(kafka)
    assert result.exit_code == 0
    assert kafka.reads == 2
    assert "1 of 1 partitions behind: 40 messages" in result.stdout
    assert "in 10 s" in result.stdout


def test_a_group_that_has_caught_up_is_read_once(run: Run) -> None:
    kafka = FakeKafka([[lag()]])
    result = run(kafka)
    assert (kafka.reads, result.exit_code) == (1, 0)
    assert "caught up" in result.stdout


def test_the_workers_group_shows_its_topic_also_without_a_commit(run: Run) -> None:
    kafka = FakeKafka([[lag()]])
    assert run(kafka).exit_code == 0
    [(asked, level)] = kafka.asked
    assert asked == (GroupTopics("leadscore", ("leads.created",)),)
    assert level == Settings().isolation_level


def test_named_groups_and_topics_are_read_and_no_others(run: Run) -> None:
    kafka = FakeKafka([[lag("crm", topic="a")]])
    options = ("--group", "crm", "--topic", "a", "--isolation-level", "read_uncommitted")
    assert run(kafka, *options).exit_code == 0
    [(asked, level)] = kafka.asked
    assert asked == (GroupTopics("crm", ("a",), only_these=True),)
    assert level == "read_uncommitted"


def test_a_group_without_a_commit_and_a_topic_is_an_invalid_name(run: Run) -> None:
    result = run(FakeKafka([[lag()]]), "--group", "leadscore", "--group", "nobody")
    assert result.exit_code == 2
    assert "expected the group nobody to have a commit, but it has none" in result.stderr
    assert result.stdout == ""


def test_a_topic_that_does_not_exist_is_an_error_also_beside_one_that_does(run: Run) -> None:
    """It was left out, and nothing said so."""
    names = ("--topic", "leads.created", "--topic", "nonsense")
    result = run(FakeKafka([[lag()]]), "--group", "leadscore", *names)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "expected the topic nonsense, but it does not exist" in result.stderr


def test_a_missing_right_ends_it_with_3_and_the_command_that_grants_it(run: Run) -> None:
    result = run(FakeKafka([TopicAuthorizationFailedError("leads.created")]))
    assert result.exit_code == 3
    assert "`leadscore acls --role lag`" in result.stderr


def test_kafka_without_an_answer_ends_it_with_3_and_the_cause(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(connection: Any) -> str | None:
        return "expected Kafka to answer at here:1, but nothing listens"

    monkeypatch.setattr(command, "unreachable", unreachable)
    result = run(FakeKafka([KafkaConnectionError("away")]))
    assert result.exit_code == 3
    assert "nothing listens" in result.stderr


@pytest.mark.parametrize("other", ["--watch", "--json"])
def test_an_exporter_shows_nothing_itself(run: Run, other: str) -> None:
    result = run(FakeKafka([[lag()]]), "--port", "0", other)
    assert result.exit_code == 2
    assert "--port excludes" in result.stderr


def stop_at(number: int) -> Callable[[int], None]:
    """Return a function that interrupts this process at a reading."""

    def interrupt(at: int) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGINT)

    return interrupt


def test_watching_shows_each_reading_until_it_is_interrupted(run: Run) -> None:
    kafka = FakeKafka([[lag()], [lag(messages=40)], [lag(messages=7)]], on_read=stop_at(4))
    result = run(kafka, "--watch", "--json", "--interval", "0.001s")
    assert result.exit_code == 130
    assert [one["messages"] for one in lines(result)][:2] == [40, 7]


def test_watching_continues_across_a_failure_and_says_so(run: Run) -> None:
    kafka = FakeKafka(
        [[lag()], KafkaConnectionError("away\x1b[2J"), [lag(messages=7)]], on_read=stop_at(4)
    )
    result = run(kafka, "--watch", "--json", "--interval", "0.001s")
    assert result.exit_code == 130
    assert "lags can't be read: " in result.stderr
    assert "\x1b" not in result.stderr
    assert [one["messages"] for one in lines(result)][:1] == [7]


@in_jumping_time
async def test_a_reading_without_an_answer_is_announced_long_before_it_fails() -> None:
    """For half a minute the screen showed figures of before the outage as if they were new."""
    loop, shown = asyncio.get_running_loop(), list[tuple[float, str | None]]()
    started = loop.time()

    async def read() -> AsyncIterator[Round]:
        yield Round(NOW, [lag()])
        await asyncio.sleep(30)
        yield Round(0.0, (), "no answer within 30 s")
        await asyncio.sleep(3600)

    def show(found: Round) -> None:
        shown.append((round(loop.time() - started), found.failure))

    rounds = read()
    watching = asyncio.ensure_future(command._show_all(rounds, show, 8.0))
    await asyncio.sleep(31)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await rounds.aclose()  # type: ignore[attr-defined]
    assert shown == [(0, None), (8, "no answer for 8 s"), (30, "no answer within 30 s")]


def test_an_exporter_runs_until_it_is_stopped(run: Run) -> None:
    kafka = FakeKafka([[lag()]], on_read=stop_at(2))
    result = run(kafka, "--port", "0", "--interval", "0.001s")
    assert result.exit_code == 0
    assert "metrics on port" in result.stderr
