"""Settings: the schema registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from stream.settings.base import Seconds, SettingsGroup, check_urls

__all__ = ["SchemaRegistrySettings"]


class SchemaRegistrySettings(SettingsGroup):
    """Schema registry."""

    schema_registry_url: Annotated[str, AfterValidator(check_urls)] | None = None
    """Address of a schema registry with Confluent's REST interface, for leads and scored events in
    Confluent's framing; several separated by commas. Default: there is none, and such leads become
    dead letters (`WIRE_FORMAT`)."""

    schema_registry_username: str | None = None
    """User name for the schema registry (HTTP basic authentication)."""

    schema_registry_password: SecretStr | None = None
    """Password for the schema registry."""

    schema_registry_token: SecretStr | None = None
    """Bearer token for the schema registry, instead of user name and password."""

    schema_registry_cluster: str = ""
    """Logical cluster (`lsrc-…`) that Confluent Cloud needs beside a token."""

    schema_registry_ssl_cafile: Path | None = None
    """CA certificates (PEM) to verify the schema registry's certificate with; default: those of the
    Python package certifi."""

    schema_registry_ssl_certfile: Path | None = None
    """Client certificate (PEM) for the schema registry."""

    schema_registry_ssl_keyfile: Path | None = None
    """Key (PEM) of that certificate, if it is not in the same file."""

    schema_registry_ssl_password: SecretStr | None = None
    """Password of that key."""

    schema_registry_timeout_seconds: Seconds = 5.0
    """Time limit of one request to the schema registry."""

    schema_registry_wait_seconds: Seconds = 60.0
    """Maximum time for which a partition waits for the schema of an unknown id while the schema
    registry does not answer; other partitions continue."""

    schema_registry_unresolved: Literal["dead_letter", "stop"] = "dead_letter"
    """Action after that time: `dead_letter`, the leads with this id become dead letters
    (`SCHEMA_ID`); or `stop`, the worker stops, and these leads are read again."""

    schema_registry_cache: Path | None = None
    """Folder in which schemas of the schema registry are kept, so that a worker can start while the
    registry does not answer. Default: in memory only."""
