"""Batch requests of OData, written and read."""

from __future__ import annotations

import pytest

from stream.crm.odata_batch import read_answers, write_requests


def test_requests_are_parts_with_a_head_and_json() -> None:
    content = write_requests([("PATCH", "/a(b='c')", {"d": 1}), ("PATCH", "/e", {})], "x")
    assert content == (
        b"--x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"PATCH /a(b='c') HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
        b'{"d":1}\r\n'
        b"--x\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"PATCH /e HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n--x--\r\n"
    )


ANSWER = (
    b"--b_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    b"HTTP/1.1 204 No Content\r\nOData-Version: 4.0\r\n\r\n\r\n"
    b"--b_1\r\nContent-Type: application/http\r\n\r\n"
    b"HTTP/1.1 429 Unknown Error\r\nRetry-After: 5\r\nContent-Type: application/json\r\n\r\n"
    b'{"error":{"code":"0x80072322"}}\r\n--b_1--\r\n'
)


def test_answers_have_status_headers_and_json() -> None:
    first, second = read_answers(ANSWER, 'multipart/mixed; boundary="b_1"')
    assert (first.status, first.json()) == (204, None)
    assert second.status == 429
    assert second.headers["retry-after"] == "5"
    assert second.json() == {"error": {"code": "0x80072322"}}


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (ANSWER, "application/json"),
        (b"--b_1\r\nno http\r\n--b_1--", "multipart/mixed; boundary=b_1"),
    ],
)
def test_another_content_is_refused(content: bytes, content_type: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_answers(content, content_type)
