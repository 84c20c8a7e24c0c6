"""A schema registry with Confluent's REST interface, by the async client of confluent-kafka.

The client is an optional requirement, and is imported when a registry is opened. Its own retries
are off: who waits for a schema also decides how long.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.errors import StartupError
from schemas.registered import ID_BYTES, RegisteredText
from schemas.urls import mask_url
from stream.schema_registry.registry import (
    IncompatibleError,
    NotRegisteredError,
    RegistryUnavailableError,
)
from stream.settings import PREFIX, Settings

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import AsyncSchemaRegistryClient, Schema

__all__ = ["INSTALL", "ConfluentRegistry", "open_schema_registry"]

INSTALL = "pip install 'leadscore[registry]'"
NOT_FOUND, CONFLICT, INVALID = 404, 409, 422
MOST_REFERENCES = 1000
"""Schemas that one schema may refer to, directly or not."""

T = TypeVar("T")


def open_schema_registry(settings: Settings) -> ConfluentRegistry | None:
    """Return the schema registry that the settings name; None if they name none.

    It is not asked anything yet.

    Raises
    ------
    StartupError
        The client is not installed, or a setting is of no use to it.
    """
    if settings.schema_registry_url is None:
        return None
    try:
        from confluent_kafka.schema_registry import AsyncSchemaRegistryClient
    except ImportError as error:
        raise StartupError(
            f"{PREFIX}SCHEMA_REGISTRY_URL needs confluent-kafka's client of schema registries,"
            f" which is not installed ({error}): {INSTALL}"
        ) from None
    try:
        client = AsyncSchemaRegistryClient.new_client(client_options(settings))
    except (OSError, ValueError, TypeError) as error:  # OSError: a certificate can't be read
        raise StartupError(
            f"expected settings {PREFIX}SCHEMA_REGISTRY_* that the client can use: {error}"
        ) from None
    return ConfluentRegistry(client, mask_url(settings.schema_registry_url))


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the settings as confluent-kafka's client names them."""
    options: dict[str, Any] = {
        "url": settings.schema_registry_url,
        "timeout": settings.schema_registry_timeout_seconds,
        "max.retries": 0,
    }
    if settings.schema_registry_username is not None:
        assert settings.schema_registry_password is not None
        password = settings.schema_registry_password.get_secret_value()
        options["basic.auth.user.info"] = f"{settings.schema_registry_username}:{password}"
    if settings.schema_registry_token is not None:
        options["bearer.auth.credentials.source"] = "STATIC_TOKEN"
        options["bearer.auth.token"] = settings.schema_registry_token.get_secret_value()
        options["bearer.auth.logical.cluster"] = settings.schema_registry_cluster
    files = {
        "ssl.ca.location": settings.schema_registry_ssl_cafile,
        "ssl.certificate.location": settings.schema_registry_ssl_certfile,
        "ssl.key.location": settings.schema_registry_ssl_keyfile,
    }
    options |= {name: str(file) for name, file in files.items() if file is not None}
    if settings.schema_registry_ssl_password is not None:
        options["ssl.key.password"] = settings.schema_registry_ssl_password.get_secret_value()
    return options


class ConfluentRegistry:
    """A registry behind confluent-kafka's client; see ``SchemaRegistry``.

    Parameters
    ----------
    client
        The client.
    where
        The registry's address, without passwords, for messages.
    """

    def __init__(self, client: AsyncSchemaRegistryClient, where: str) -> None:
        self._client = client
        self._where = where

    async def text_of(self, header: bytes) -> RegisteredText:
        """Return the schema of an id, and the schemas that it refers to."""
        if len(header) == ID_BYTES:
            schema_id = int.from_bytes(header[1:], "big")
            schema = await self._answer(self._client.get_schema(schema_id))
        else:
            guid = str(uuid.UUID(bytes=header[1:]))
            schema = await self._answer(self._client.get_schema_by_guid(guid))
        return RegisteredText(schema.schema_type, schema.schema_str, await self._referenced(schema))

    async def id_of(self, subject: str, schema: str) -> int | None:
        """Return the id of a schema under a subject; None if it is not registered there."""
        try:
            found = await self._answer(self._client.lookup_schema(subject, _avro(schema)))
        except NotRegisteredError:
            return None
        return int(found.schema_id)

    async def kind_of(self, subject: str) -> str | None:
        """Return AVRO, JSON or PROTOBUF: the latest schema of a subject; None if it has none."""
        try:
            found = await self._answer(self._client.get_latest_version(subject))
        except NotRegisteredError:
            return None
        return str(found.schema.schema_type)

    async def level(self, subject: str) -> str:
        """Return the compatibility level that holds for a subject, in capitals."""
        try:
            found = await self._answer(self._client.get_compatibility(subject))
        except NotRegisteredError:  # the subject has none of its own
            found = await self._answer(self._client.get_compatibility())
        return str(found).upper()

    async def set_level(self, subject: str, level: str) -> None:
        """Set the compatibility level of a subject."""
        await self._answer(self._client.set_compatibility(subject, level))

    async def is_compatible(self, subject: str, schema: str) -> bool:
        """Return whether a schema fits the versions of a subject, by the level that holds."""
        client = self._client
        try:
            return bool(
                await self._answer(client.test_compatibility_all_versions(subject, _avro(schema)))
            )
        except NotRegisteredError:  # no version yet: anything fits
            return True

    async def register(self, subject: str, schema: str) -> int:
        """Register a schema under a subject, and return its id."""
        try:
            return int(await self._answer(self._client.register_schema(subject, _avro(schema))))
        except RegistryUnavailableError as error:
            if error.status in (CONFLICT, INVALID):
                raise IncompatibleError(str(error)) from None
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _referenced(self, schema: Schema) -> list[str]:
        """Return the texts of the schemas that a schema refers to, directly or not."""
        texts: dict[tuple[str, int], str] = {}
        open_references = [*(schema.references or ())]
        while open_references:
            reference = open_references.pop()
            key = str(reference.subject), int(reference.version or 0)
            if key in texts:
                continue
            if len(texts) >= MOST_REFERENCES:
                raise NotRegisteredError(
                    f"expected a schema that refers to at most {MOST_REFERENCES} others"
                )
            found = (await self._answer(self._client.get_version(*key))).schema
            texts[key] = found.schema_str
            open_references += found.references or ()
        return [*texts.values()]

    async def _answer(self, request: Awaitable[T]) -> T:
        """Return the answer to a request, its errors as LeadScore's."""
        from confluent_kafka.schema_registry.common._httpx_compat import httpx
        from confluent_kafka.schema_registry.error import SchemaRegistryError

        try:
            return await request
        except SchemaRegistryError as error:
            sentence = f"the schema registry {self._where} answered: {error.error_message}"
            if error.http_status_code == NOT_FOUND:
                raise NotRegisteredError(sentence) from None
            refused = RegistryUnavailableError(f"{sentence} (HTTP status {error.http_status_code})")
            refused.status = error.http_status_code
            raise refused from None
        except (httpx.HTTPError, ValueError, OSError) as error:  # ValueError: an answer of no use
            raise RegistryUnavailableError(
                f"the schema registry {self._where} does not answer: {type(error).__name__}"
                f" {error}".rstrip()
            ) from None


def _avro(schema: str) -> Schema:
    from confluent_kafka.schema_registry import Schema

    return Schema(schema, "AVRO")
