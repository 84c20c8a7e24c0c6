"""Errors of requests: status, code, and one sentence that says what was expected and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi.responses import Response

__all__ = ["UNEXPECTED", "Problem", "problem_response"]


class Problem(Exception):  # noqa: N818 - an answer, not a fault of the server
    """An answer other than 200.

    Parameters
    ----------
    status
        HTTP status.
    code
        An error code: one of ``schemas.errors.ErrorCode``, or one of this server.
    message
        One sentence, without a value of the request.
    headers
        Further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


UNEXPECTED = Problem(
    500, "INTERNAL", "an unexpected error: look for the request's id in the log of the server"
)


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the answer for a problem."""
    body: dict[str, Any] = {
        "error": {"code": problem.code, "message": problem.message, "request_id": request_id}
    }
    return Response(
        orjson.dumps(body),
        status_code=problem.status,
        media_type="application/json",
        headers=problem.headers,
    )
