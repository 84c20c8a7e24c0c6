"""The name under which a client connects."""

from __future__ import annotations

from stream.kafka.access import client_name
from stream.settings import Settings
from tests.unit.stream.kafka.test_rights import settings_of


def test_the_user_is_named_as_it_is_configured() -> None:
    assert client_name(settings_of()) == "user ann"
    assert client_name(Settings()) == "user ANONYMOUS"
    assert client_name(Settings(security_protocol="SSL", ssl_certfile="me.pem")) == (
        "the owner of the certificate me.pem"
    )
