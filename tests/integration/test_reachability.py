"""Each way in which Kafka can't be reached is reported with its cause and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import StartupError
from stream.broker.node import free_ports
from stream.kafka.topic_admin import verify_topics
from stream.settings import Settings
from tests.certificates import Authority
from tests.integration.secured_broker import SecuredBroker

LOG_IN = {
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_username": "worker",
    "sasl_password": "open-sesame",
}
PROTOCOL = "LEADSCORE_SECURITY_PROTOCOL"
# A connection that fails while it opens may be left to the garbage collector by the client.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def settings_for(broker: SecuredBroker, listener: str, protocol: str, **given: Any) -> Settings:
    address = broker.bootstrap if listener == "PLAINTEXT" else broker.listeners[listener]
    return Settings(
        kafka_bootstrap_servers=address,
        security_protocol=protocol,
        **{"ssl_cafile": broker.authority.certificate} | LOG_IN | given,
    )


async def refusal(settings: Settings) -> str:
    with pytest.raises(StartupError) as refused:
        await verify_topics(settings)
    sentence = str(refused.value)
    servers, protocol = settings.kafka_bootstrap_servers, settings.security_protocol
    assert sentence.startswith(f"expected Kafka to answer at {servers} ({protocol}), but ")
    assert "\n" not in sentence
    assert not settings.sasl_password or settings.sasl_password.get_secret_value() not in sentence
    return sentence


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (
            {"sasl_password": "a-wrong-one"},
            "refused the log-in of user worker by SCRAM-SHA-256: the user is unknown or the"
            " password is wrong: set LEADSCORE_SASL_USERNAME and LEADSCORE_SASL_PASSWORD",
        ),
        (
            {"sasl_username": "nobody", "sasl_password": "a-wrong-one"},
            "refused the log-in of user nobody by SCRAM-SHA-256: the user is unknown or",
        ),
        (
            {"sasl_mechanism": "PLAIN", "sasl_password": "a-wrong-one"},
            "does not offer PLAIN for log-in: set LEADSCORE_SASL_MECHANISM",
        ),
    ],
    ids=["password", "user", "mechanism"],
)
async def test_a_log_in_that_is_refused_is_named_with_its_cause(
    secured_kafka: SecuredBroker, given: dict[str, str], cause: str
) -> None:
    sentence = await refusal(settings_for(secured_kafka, "LOGIN", "SASL_SSL", **given))
    assert f"{secured_kafka.listeners['LOGIN']} {cause}" in sentence


@pytest.mark.parametrize(
    ("listener", "cause"),
    [
        ("EXPIRED", "has expired: renew it on the broker"),
        (
            "ELSEWHERE",
            "is not for the name 127.0.0.1: use a name of the certificate in"
            " LEADSCORE_KAFKA_BOOTSTRAP_SERVERS",
        ),
    ],
)
async def test_a_certificate_that_is_refused_is_named_with_its_cause(
    secured_kafka: SecuredBroker, listener: str, cause: str
) -> None:
    sentence = await refusal(settings_for(secured_kafka, listener, "SSL"))
    assert f"the certificate of {secured_kafka.listeners[listener]} {cause}" in sentence


async def test_a_certificate_of_an_authority_that_is_not_trusted_names_the_setting(
    secured_kafka: SecuredBroker, tmp_path: Any
) -> None:
    other = Authority(tmp_path, "another").certificate
    sentence = await refusal(settings_for(secured_kafka, "TLS", "SSL", ssl_cafile=other))
    assert "is not trusted here (" in sentence
    assert "set LEADSCORE_SSL_CAFILE to the certificate of the authority" in sentence


async def test_a_certificate_that_the_broker_wants_of_the_client_is_asked_for(
    secured_kafka: SecuredBroker, tmp_path: Any
) -> None:
    asked = settings_for(secured_kafka, "MUTUAL", "SSL")
    sentence = await refusal(asked)
    assert "refused this client's certificate or wants one (" in sentence
    assert "set LEADSCORE_SSL_CERTFILE and LEADSCORE_SSL_KEYFILE" in sentence
    own = Authority(tmp_path, "another").sign("client", alternatives=("client",))
    sentence = await refusal(asked.model_copy(update={"ssl_certfile": own}))
    assert "refused this client's certificate or wants one (" in sentence


@pytest.mark.parametrize(
    ("listener", "spoken"),
    [
        ("PLAINTEXT", "PLAINTEXT"),
        ("TLS", "SSL"),
        ("PLAINLOGIN", "SASL_PLAINTEXT"),
        ("LOGIN", "SASL_SSL"),
    ],
)
@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
async def test_a_port_that_speaks_another_protocol_is_named_with_that_protocol(
    secured_kafka: SecuredBroker, listener: str, spoken: str, protocol: str
) -> None:
    if protocol == spoken:
        return
    sentence = await refusal(settings_for(secured_kafka, listener, protocol))
    assert sentence.endswith(f" speaks {spoken}, and {PROTOCOL} is {protocol}: set it to {spoken}")


async def test_a_host_name_that_is_not_known() -> None:
    sentence = await refusal(Settings(kafka_bootstrap_servers="no-such-host.invalid:9092"))
    assert "the host name no-such-host.invalid is not known (" in sentence
    assert "check LEADSCORE_KAFKA_BOOTSTRAP_SERVERS and DNS" in sentence


async def test_a_port_at_which_nothing_listens_is_named() -> None:
    port = free_ports(1)[0]
    sentence = await refusal(Settings(kafka_bootstrap_servers=f"localhost:{port}"))
    assert f"nothing listens at localhost:{port}: start Kafka" in sentence


async def test_an_advertised_address_that_does_not_answer_is_named(
    secured_kafka: SecuredBroker,
) -> None:
    sentence = await refusal(Settings(kafka_bootstrap_servers=secured_kafka.away))
    nowhere = secured_kafka.nowhere
    assert f"clients are sent on to {nowhere} (the brokers' advertised.listeners)" in sentence
    assert f"and nothing listens at {nowhere}" in sentence


async def test_one_server_of_several_is_enough(secured_kafka: SecuredBroker) -> None:
    port = free_ports(1)[0]
    servers = f"127.0.0.1:{port},{secured_kafka.bootstrap}"
    with pytest.raises(StartupError, match="it does not exist"):
        await verify_topics(Settings(kafka_bootstrap_servers=servers, topic_prefix="absent."))
