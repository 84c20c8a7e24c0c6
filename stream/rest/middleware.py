"""Rules for every request: id, token, rate, size and time; errors become answers."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol
from uuid import uuid4

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.rest.problems import UNEXPECTED, Problem, problem_response
from stream.rest.rate_limit import RateLimit
from stream.rest.request_log import RequestLog

__all__ = [
    "EARLIER_PREFIX",
    "HAS_CERTIFICATE",
    "OPEN",
    "Endpoint",
    "MiddlewareOptions",
    "RequestMetrics",
    "RestMiddleware",
]

log = logging.getLogger(__name__)

EARLIER_PREFIX = "/ai/advanced-ml"
"""Prefix of the paths of earlier scoring APIs."""
OPEN = frozenset({"/health", f"{EARLIER_PREFIX}/health", "/healthz", "/readyz"})
"""Paths that need no token and count for no rate: what a load balancer asks."""
Endpoint = Callable[[Request], Awaitable[Response]]
"""Answers a request, or raises a Problem."""
HAS_CERTIFICATE = "has_certificate"
"""Key in a request's state: whether the client has presented a certificate that is trusted."""
REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")
TOO_SLOW = Problem(
    503,
    "TIMEOUT",
    "expected the request to be read and answered within the time limit: send it faster, or fewer"
    " leads at once",
    {"Retry-After": "1"},
)


@dataclass(frozen=True, slots=True)
class MiddlewareOptions:
    """Rules for requests.

    Attributes
    ----------
    token
        What clients send as bearer token; None: none is asked for.
    rate
        Requests that a client may send.
    needs_certificate
        Whether the client must have presented a certificate.
    body_bytes
        Largest body.
    seconds
        Longest time from the head of a request to its answer.
    """

    token: str | None
    rate: RateLimit | None
    body_bytes: int
    seconds: float
    needs_certificate: bool = False


class RequestMetrics(Protocol):
    """Counts requests."""

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request with the status of its answer, 0 if there is none."""


class RestMiddleware:
    """An ASGI application around another one.

    Parameters
    ----------
    app
        Answers requests that may pass.
    options
        The rules.
    metrics
        Count requests.
    request_log
        Gets a line for each request of leads; None: there is none.
    direct
        Endpoints of POST paths that are called without the application's routing, which takes
        longer than a score.
    """

    def __init__(
        self,
        app: ASGIApp,
        options: MiddlewareOptions,
        metrics: RequestMetrics,
        request_log: RequestLog | None = None,
        direct: Mapping[str, Endpoint] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._log = request_log
        self._direct = direct
        self._authorization = None if options.token is None else f"Bearer {options.token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, {"x-request-id": request_id})
        path = scope["path"]
        endpoint = self._direct.get(path) if scope["method"] == "POST" else None
        try:
            self._admit(scope, headers, answer.headers)
            body = _BoundedBody(receive, self._options.body_bytes)
            async with asyncio.timeout(self._options.seconds):
                if endpoint is None:
                    await self._app(scope, body, answer)
                else:
                    response = await endpoint(Request(scope, body))
                    await response(scope, body, answer)
        except Problem as problem:
            await answer.replace(problem, scope, receive, request_id)
        except TimeoutError:
            await answer.replace(TOO_SLOW, scope, receive, request_id)
        except Exception as error:
            _log_error(error, request_id)
            await answer.replace(UNEXPECTED, scope, receive, request_id)
        took = time.perf_counter() - started
        route = _route(scope) if endpoint is None else path
        self._metrics.answered(route, answer.status, took)
        if self._log is not None and scope["method"] == "POST":
            self._log.add_request(
                request_id=request_id,
                path=route,
                status=answer.status,
                latency_ms=took * 1000,
                leads=scope["state"].get("leads", ()),
            )

    def _admit(
        self, scope: Scope, headers: Headers, answer_headers: MutableMapping[str, str]
    ) -> None:
        if scope["path"] in OPEN:
            return
        if self._options.needs_certificate and not scope["state"].get(HAS_CERTIFICATE):
            raise Problem(
                401,
                "UNAUTHORIZED",
                "expected a client certificate: present one of a CA that the server trusts",
            )
        if self._authorization is not None and not hmac.compare_digest(
            headers.get("authorization", "").encode("latin-1"), self._authorization
        ):
            raise Problem(
                401,
                "UNAUTHORIZED",
                "expected a valid token in the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )
        if self._options.rate is not None:
            client = scope.get("client")
            self._options.rate.count(client[0] if client else "", answer_headers)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._options.body_bytes:
            raise _too_large(self._options.body_bytes)


class _BoundedBody:
    """Receives the body of a request, up to a limit."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._received = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > self._most:
                raise _too_large(self._most)
        return message


class _Answer:
    """Sends an answer with further headers, and knows how far it has got."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self.headers = headers
        self.status = 0
        self._send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            further = [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in self.headers.items()
            ]
            message["headers"] = [*message.get("headers", ()), *further]
        await self._send(message)

    async def replace(
        self, problem: Problem, scope: Scope, receive: Receive, request_id: str
    ) -> None:
        """Send the answer of a problem, unless an answer has begun."""
        if not self.status:
            await problem_response(problem, request_id)(scope, receive, self)


def _too_large(most: int) -> Problem:
    return Problem(
        413,
        "BODY_TOO_LARGE",
        f"expected a body of at most {most:,} bytes: send several requests",
        {"Connection": "close"},
    )


def _route(scope: Scope) -> str:
    """Return the path if it was declared: a label with few values, as no path has parameters."""
    return scope["path"] if "route" in scope else "other"


def _log_error(error: Exception, request_id: str) -> None:
    """Log where an error was raised, without its message: it may quote the request."""
    where: list[Any] = [
        f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    log.error("request %s: %s at %s", request_id, type(error).__name__, " > ".join(where[-5:]))
