"""Errors as answers."""

from __future__ import annotations

import orjson

from stream.rest.problems import Problem, problem_response


def test_an_answer_has_code_sentence_and_the_id_of_the_request() -> None:
    answer = problem_response(Problem(429, "RATE_LIMIT", "wait", {"Retry-After": "3"}), "r-1")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert orjson.loads(bytes(answer.body)) == {
        "error": {"code": "RATE_LIMIT", "message": "wait", "request_id": "r-1"}
    }
