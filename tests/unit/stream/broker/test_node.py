"""Ports and properties of a broker on this machine."""

from __future__ import annotations

import socket

import pytest

from stream.broker.node import free_ports, node_properties


def test_ports_are_free_apart_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports(20)

    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_000 for port in ports)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_not_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, free = free_ports(2)
    picks = iter([taken, taken, free])
    monkeypatch.setattr("random.randrange", lambda *_: next(picks))

    with socket.create_server(("127.0.0.1", taken)):
        assert free_ports(1) == [free]


def test_a_node_never_makes_topics_by_itself() -> None:
    properties = node_properties(
        listen="0.0.0.0:9092", advertised="localhost:20001", controller_port=9093, log_dirs="/d"
    )

    assert properties["auto.create.topics.enable"] == "false"
    assert properties["listeners"] == "PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["advertised.listeners"] == "PLAINTEXT://localhost:20001"
