"""Requests to an MLflow tracking server, by its documented REST API.

Source: MLflow's documentation, "REST API", and "MLflow Tracking Server: proxied artifact access".
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from schemas.errors import FatalError, InputError, StartupError
from schemas.urls import mask_url

__all__ = ["MlflowClient", "MlflowError", "connected"]

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
SERVED = "mlflow-artifacts:"
"""Scheme of artifacts that the server takes itself."""
PATIENCE = 60.0
"""Seconds for one request."""
MOST_SAID = 300
"""Characters of the server's answer in an error."""
TOKEN, USER, PASSWORD = (
    *("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"),
    "MLFLOW_TRACKING_PASSWORD",
)
"""MLflow's own variables for credentials."""


class MlflowError(FatalError):
    """The server refused a request.

    Parameters
    ----------
    message
        The error.
    code
        MLflow's code, such as RESOURCE_DOES_NOT_EXIST; empty: none.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class MlflowClient:
    """Asks one server.

    Parameters
    ----------
    session
        An open HTTP session.
    url
        The server, without a slash at the end.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str, **given: str) -> Mapping[str, Any]:
        """Ask for a resource.

        Raises
        ------
        StartupError
            The server can't be reached, or refuses the credentials.
        MlflowError
            It refuses the request.
        """
        return await self._ask("GET", API + path, params=given)

    async def post(self, path: str, **given: Any) -> Mapping[str, Any]:
        """Create or change a resource; raises what ``get`` raises."""
        return await self._ask("POST", API + path, json=given)

    async def put_file(self, uri: str, name: str, content: bytes) -> None:
        """Write a file into a folder of artifacts, whose address the server has given.

        Raises
        ------
        InputError
            The server does not take artifacts itself.
        StartupError, MlflowError
            See ``get``.
        """
        if not uri.startswith(SERVED):
            raise InputError(
                f"expected {mask_url(self._url)} to take artifacts itself, but it says to write"
                f" them to {mask_url(uri)}: start it with --serve-artifacts, or write a folder and"
                " log it with MLflow"
            )
        folder = urlsplit(uri).path.strip("/")
        await self._ask("PUT", ARTIFACTS + quote(f"{folder}/{name}"), data=content)

    async def _ask(self, method: str, path: str, **given: Any) -> Mapping[str, Any]:
        try:
            async with self._session.request(method, self._url + path, **given) as answer:
                said = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StartupError(
                f"expected an MLflow server at {mask_url(self._url)}, but {error or repr(error)}:"
                " check the address"
            ) from error
        if status in (401, 403):
            raise StartupError(
                f"expected {mask_url(self._url)} to accept the credentials, but it answered"
                f" {status}: set {TOKEN}, or {USER} and {PASSWORD}"
            )
        found = _object(said)
        if status >= 400:
            message = str(found.get("message") or said.decode(errors="replace"))[:MOST_SAID]
            raise MlflowError(
                f"expected the MLflow server to take {method} {path}, but it answered {status}:"
                f" {message}",
                str(found.get("error_code", "")),
            )
        return found


def _object(said: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[MlflowClient]:
    """Open a client, with the credentials of MLflow's own variables.

    Parameters
    ----------
    url
        The server.
    """
    headers = {}
    if token := os.environ.get(TOKEN):
        headers["Authorization"] = f"Bearer {token}"
    elif user := os.environ.get(USER):
        headers["Authorization"] = aiohttp.encode_basic_auth(user, os.environ.get(PASSWORD, ""))
    async with aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=PATIENCE)
    ) as session:
        yield MlflowClient(session, url.rstrip("/"))
