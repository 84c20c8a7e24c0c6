"""Errors of requests: status, code, and one sentence that says what was expected and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["UNEXPECTED", "Problem", "answer_problems", "json_response", "problem_response"]


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


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer with JSON."""
    return Response(
        orjson.dumps(content), status_code=status, media_type="application/json", headers=headers
    )


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the answer for a problem."""
    body = {"error": {"code": problem.code, "message": problem.message, "request_id": request_id}}
    return json_response(body, problem.status, problem.headers)


def answer_problems(app: FastAPI, unknown: Callable[[str], str]) -> None:
    """Make an application answer every error in the form of a problem.

    Parameters
    ----------
    app
        The application.
    unknown
        Returns the sentence for an unknown path or a wrong method, given its name in HTTP.
    """

    async def answer_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return problem_response(problem, request.state.request_id)

    async def answer_error(request: Request, _: Exception) -> Response:
        return problem_response(UNEXPECTED, request.state.request_id)

    async def answer_unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "NOT_FOUND" if error.status_code == 404 else "METHOD"
        problem = Problem(error.status_code, code, unknown(error.detail), error.headers)
        return problem_response(problem, request.state.request_id)

    app.add_exception_handler(HTTPException, answer_unknown)
    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(Exception, answer_error)  # the middleware logs it
