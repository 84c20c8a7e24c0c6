"""Settings: the connection to Kafka."""

from __future__ import annotations

from pathlib import Path
from ssl import SSLContext
from typing import Annotated, Any, Literal, Self

from aiokafka.helpers import create_ssl_context
from pydantic import AfterValidator, AliasChoices, Field, SecretStr, model_validator

from schemas.errors import StartupError
from stream.settings.base import PREFIX, SettingsGroup, check_servers

__all__ = ["KafkaSettings"]


class KafkaSettings(SettingsGroup):
    """Kafka: address, login and TLS."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(check_servers)] = Field(
        "localhost:9092",
        validation_alias=AliasChoices(
            f"{PREFIX}KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS"
        ),
    )
    """Kafka's address: host:port, several separated by commas."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Protocol of connections to Kafka."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """SASL mechanism, if the security protocol is SASL_PLAINTEXT or SASL_SSL."""

    sasl_username: str | None = None
    """User name for Kafka."""

    sasl_password: SecretStr | None = None
    """Password for Kafka."""

    ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify Kafka's certificate with; default: the system's."""

    ssl_certfile: Path | None = None
    """Client certificate (PEM)."""

    ssl_keyfile: Path | None = None
    """Key (PEM) of the client certificate, if it is not in the same file."""

    ssl_password: SecretStr | None = None
    """Password of that key."""

    @model_validator(mode="after")
    def _check_security(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_username and self.sasl_password
        ):
            raise ValueError(
                f"{PREFIX}SECURITY_PROTOCOL={self.security_protocol} needs"
                f" {PREFIX}SASL_USERNAME and {PREFIX}SASL_PASSWORD: set both"
            )
        if self.ssl_keyfile and not self.ssl_certfile:
            raise ValueError(
                f"{PREFIX}SSL_KEYFILE needs the certificate that it belongs to:"
                f" set {PREFIX}SSL_CERTFILE"
            )
        return self

    def kafka_client_options(self) -> dict[str, Any]:
        """Return address and security as keyword arguments of any aiokafka client.

        Raises
        ------
        StartupError
            A certificate or key can't be read.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol.startswith("SASL"):
            assert self.sasl_password is not None
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value()
        return options

    def _ssl_context(self) -> SSLContext:
        password = self.ssl_password.get_secret_value() if self.ssl_password else None
        try:
            context = create_ssl_context(
                cafile=self.ssl_cafile,
                certfile=self.ssl_certfile,
                keyfile=self.ssl_keyfile,
                password=password,
            )
        except (OSError, ValueError) as error:  # ValueError: an impossible path
            raise StartupError(
                f"expected readable PEM files in {PREFIX}SSL_CAFILE, {PREFIX}SSL_CERTFILE and"
                f" {PREFIX}SSL_KEYFILE (and {PREFIX}SSL_PASSWORD, if the key has one): {error}"
            ) from error
        assert isinstance(context, SSLContext)
        return context
