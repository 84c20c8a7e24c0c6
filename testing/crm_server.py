"""A local CRM: records with properties, limits and tokens, as the documentation of CRMs has them.

Subclasses are one CRM each: testing/hubspot_server.py, salesforce_server.py, dynamics_server.py.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

__all__ = ["CATEGORIES", "CLIENT", "SECRET", "CrmServer"]

CATEGORIES = ("High", "Medium", "Low")
"""Options of the property of the category; another value is refused."""
CLIENT, SECRET = "a-client", "a-secret"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CrmServer:
    """A CRM in memory.

    Attributes
    ----------
    records
        Properties of each record, by id.
    tokens
        Valid access tokens.
    is_unavailable
        Whether connections are cut instead of answered.
    busy
        Number of the next requests that are answered with 429 and Retry-After.
    retry_after
        Seconds in that header.
    requests
        Method and path of each request.
    written
        Ids of written records, in their order.
    given_tokens
        Number of tokens that the token endpoint has given.
    gives_valid_tokens
        Whether they are valid.
    """

    key = "leadscore_id"
    own = ("score", "category", "reasons", "scored_at", "order")
    prefix = "leadscore_"

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.tokens = {"a-token"}
        self.is_unavailable = False
        self.busy = 0
        self.retry_after = "1"
        self.requests: list[tuple[str, str]] = []
        self.written: list[str] = []
        self.given_tokens = 0
        self.gives_valid_tokens = True
        self.url = ""

    def property_of(self, field: str) -> str:
        """Return the default property of a field."""
        return f"{self.prefix}{field}"

    @property
    def properties(self) -> set[str]:
        """The properties that there are."""
        return {self.key, *map(self.property_of, self.own)}

    @abstractmethod
    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Return the handlers by method and path."""

    @abstractmethod
    def error(self, status: int, code: str, **more: Any) -> web.Response:
        """Return an answer in the form of this CRM's errors."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve on a free port of this machine."""
        app = web.Application(middlewares=[self._admit], client_max_size=1 << 24)
        app.router.add_post("/oauth2/token", self._give_token)
        app.router.add_post("/services/oauth2/token", self._give_token)
        for (method, path), handler in self.routes().items():
            app.router.add_route(method, path, handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield
        finally:
            await runner.cleanup()

    def written_to(self, record_id: str, properties: Mapping[str, Any]) -> str:
        """Write properties of a record, which is created if need be; return an error code."""
        code = self.refusal(properties)
        if not code:
            self.records.setdefault(record_id, {self.key: record_id}).update(properties)
            self.written.append(record_id)
        return code

    def refusal(self, properties: Mapping[str, Any]) -> str:
        """Return the error code of properties that are refused, else an empty text."""
        category = properties.get(self.property_of("category"), CATEGORIES[0])
        return "" if category in CATEGORIES else "INVALID_OPTION"

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.is_unavailable:
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response(status=500)
        if request.path.endswith("/oauth2/token"):
            return await handler(request)
        self.requests.append((request.method, request.path))
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return self.error(401, "INVALID_SESSION_ID")
        if self.busy:
            self.busy -= 1
            answer = self.error(429, "RATE_LIMITS")
            answer.headers["Retry-After"] = self.retry_after
            return answer
        return await handler(request)

    async def _give_token(self, request: web.Request) -> web.Response:
        form = {name: to[0] for name, to in parse_qs(await request.text()).items()}
        expected = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
        if not expected.items() <= form.items():
            return web.json_response({"error": "invalid_client"}, status=400)
        self.given_tokens += 1
        token = f"token-{self.given_tokens}"
        self.tokens = {token} if self.gives_valid_tokens else set()
        return web.json_response({"access_token": token, "token_type": "Bearer"})
