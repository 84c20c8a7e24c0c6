"""The mock broker's child process: requests in lines, answers in lines. No Kafka client."""

from __future__ import annotations

import importlib.util
import io
import sys
from typing import Any

import pytest

from stream.broker import mock as module
from stream.broker.mock import MockBroker, main, start_mock_broker
from stream.broker.node import BrokerKind, BrokerUnavailableError


class FakeCluster:
    """A cluster that creates each topic once."""

    bootstrap = "127.0.0.1:4711"

    def __init__(self) -> None:
        self.topics: dict[str, int] = {}

    def create_topic(self, name: str, partitions: int) -> None:
        if name in self.topics:
            raise BrokerUnavailableError(f"{name} exists")
        self.topics[name] = partitions


def answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *requests: str
) -> list[str]:
    monkeypatch.setattr(module, "_Cluster", FakeCluster)
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in requests)))
    main()
    return capsys.readouterr().out.splitlines()


def test_a_cluster_is_started_and_topics_are_created(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answers(monkeypatch, capsys, "start", "create leads 4") == [
        "done 127.0.0.1:4711",
        "done leads",
    ]


def test_a_refused_request_is_answered_and_the_next_one_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests = ("create leads 4", "start", "create leads 4", "create leads 4", "dance", "start")
    found = answers(monkeypatch, capsys, *requests)
    assert [answer.split()[0] for answer in found] == [
        *("failed", "done", "done", "failed", "failed", "done")
    ]
    assert "expected start or create" in found[0]
    assert "leads exists" in found[3]


class FakeProcess:
    """A child that answers from a script; without an answer it is gone."""

    def __init__(self, *lines: str) -> None:
        self.stdin: Any = io.StringIO()
        self.stdout = io.StringIO("".join(f"{line}\n" for line in lines))


def broker(monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[FakeProcess, list[Any]]:
    process, ended = FakeProcess(*lines), list[Any]()
    monkeypatch.setattr(module, "start_child", lambda *_, **__: process)
    monkeypatch.setattr(module, "end_child", ended.append)
    return process, ended


def test_the_broker_asks_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    process, ended = broker(monkeypatch, "done 127.0.0.1:4711", "done leads", "done other")
    started = MockBroker()
    assert (started.kind, started.bootstrap) == (BrokerKind.MOCK, "127.0.0.1:4711")
    assert started.bootstrap in started.describe()
    started.create_topics({"leads": 4, "other": 1})
    assert process.stdin.getvalue() == "start\ncreate leads 4\ncreate other 1\n"
    started.close()
    assert ended == [process]


@pytest.mark.parametrize(("lines", "says"), [((), "gone"), (("failed no library",), "no library")])
def test_a_broker_that_does_not_start_is_ended(
    monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], says: str
) -> None:
    process, ended = broker(monkeypatch, *lines)
    with pytest.raises(BrokerUnavailableError, match=f"refused `start`: .*{says}"):
        MockBroker()
    assert ended == [process]


def test_without_the_package_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BrokerUnavailableError, match="confluent-kafka is not installed"):
        start_mock_broker()
