from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings


def test_kafkas_usual_variable_is_understood_and_ours_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "one:9092,two:9092")
    assert load_settings().kafka_bootstrap_servers == "one:9092,two:9092"

    monkeypatch.setenv("LEADSCORE_KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092")
    assert load_settings().kafka_bootstrap_servers == "[::1]:9092"


def test_plain_connections_need_no_more_than_an_address() -> None:
    assert load_settings().kafka_client_options() == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "PLAINTEXT",
    }


def test_sasl_over_tls_is_passed_on() -> None:
    settings = load_settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="scorer",
        sasl_password="secret",
    )

    options = settings.kafka_client_options()

    context = options.pop("ssl_context")
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert options == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "scorer",
        "sasl_plain_password": "secret",
    }


def test_sasl_without_a_password_is_refused() -> None:
    with pytest.raises(
        StartupError, match="needs LEADSCORE_SASL_USERNAME and LEADSCORE_SASL_PASSWORD"
    ):
        load_settings(security_protocol="SASL_PLAINTEXT", sasl_username="scorer")


def test_a_key_without_its_certificate_is_refused() -> None:
    with pytest.raises(StartupError, match="set LEADSCORE_SSL_CERTFILE"):
        load_settings(security_protocol="SSL", ssl_keyfile="key.pem")


def test_a_path_that_none_can_be_is_a_sentence_too() -> None:
    """Found by fuzzing."""
    settings = load_settings(security_protocol="SSL", ssl_cafile="ca\0.pem")
    with pytest.raises(StartupError, match="readable PEM files in LEADSCORE_SSL_CAFILE"):
        settings.kafka_client_options()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_unreadable_certificate_is_one_sentence(tmp_path: Path, content: str | None) -> None:
    cafile = tmp_path / "ca.pem"
    if content is not None:
        cafile.write_text(content)
    settings = load_settings(security_protocol="SSL", ssl_cafile=cafile)

    with pytest.raises(StartupError, match="readable PEM files in LEADSCORE_SSL_CAFILE"):
        settings.kafka_client_options()
