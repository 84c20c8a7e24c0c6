from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from schemas.errors import StartupError
from stream.broker import Broker, BrokerKind, GivenBroker, find_given_broker, pick_broker
from stream.broker.node import BrokerUnavailableError, free_ports


class FakeBroker:
    """A broker that is only a name."""

    def __init__(self, kind: BrokerKind) -> None:
        self.kind = kind
        self.bootstrap = f"{kind}:9092"

    def describe(self) -> str:
        return self.kind

    def close(self) -> None: ...


def starters(*available: BrokerKind) -> dict[BrokerKind, Callable[[], Broker]]:
    def starter(kind: BrokerKind) -> Callable[[], Broker]:
        def start() -> Broker:
            if kind not in available:
                raise BrokerUnavailableError(f"{kind} is not here")
            return FakeBroker(kind)

        return start

    return {kind: starter(kind) for kind in BrokerKind}


@pytest.mark.parametrize("first", list(BrokerKind))
def test_brokers_are_tried_in_order(first: BrokerKind) -> None:
    kinds = tuple(BrokerKind)
    available = kinds[kinds.index(first) :]

    assert pick_broker(kinds, starters(*available)).kind is first


def test_only_the_kinds_that_are_asked_for_are_tried() -> None:
    with pytest.raises(StartupError, match="docker: docker is not here; java: java is not here"):
        pick_broker((BrokerKind.DOCKER, BrokerKind.JAVA), starters(BrokerKind.MOCK))


def test_without_a_broker_the_error_has_every_reason_and_the_remedy() -> None:
    with pytest.raises(StartupError) as failure:
        pick_broker(tuple(BrokerKind), starters())

    for kind in BrokerKind:
        assert f"{kind} is not here" in str(failure.value)
    assert "set KAFKA_BOOTSTRAP_SERVERS, start Docker, or install Java 17" in str(failure.value)


def test_a_given_broker_is_taken_when_somebody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        dead = f"127.0.0.1:{free_ports(1)[0]}"

        broker = find_given_broker({"KAFKA_BOOTSTRAP_SERVERS": f"{dead},{address}"})

    assert broker.bootstrap == f"{dead},{address}"
    assert address in broker.describe()


def test_a_given_broker_that_does_not_answer_stops_the_search() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"

    with pytest.raises(StartupError, match=f"expected a Kafka broker at {address}"):
        GivenBroker(address)


def test_our_variable_wins_and_none_is_no_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        both = {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": address, "KAFKA_BOOTSTRAP_SERVERS": "other:1"}
        assert find_given_broker(both).bootstrap == address

    with pytest.raises(BrokerUnavailableError, match="KAFKA_BOOTSTRAP_SERVERS is not set"):
        find_given_broker({"KAFKA_BOOTSTRAP_SERVERS": ""})
