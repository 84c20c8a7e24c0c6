"""Dynamics' answers to batches that the local server does not give."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from schemas.errors import FatalError
from stream.crm.access_token import FixedToken
from stream.crm.account import Change, CrmUnavailableError
from stream.crm.connection import CrmConnection
from stream.crm.dynamics import DynamicsAccount
from stream.crm.token_bucket import TokenBucket


def account_of(monkeypatch: pytest.MonkeyPatch, answer: httpx.Response) -> DynamicsAccount:
    bucket = TokenBucket(1000, 10, now=time.monotonic)
    connection = CrmConnection("Dynamics", "https://d.example.com", FixedToken("t"), bucket)

    async def request(*_: Any, **__: Any) -> httpx.Response:
        return answer

    monkeypatch.setattr(connection, "request", request)
    return DynamicsAccount(connection, "leads", "new_id")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(
            200, text="--b--\r\n", headers={"content-type": "multipart/mixed; boundary=b"}
        ),
    ],
)
async def test_an_answer_that_is_incomplete_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response
) -> None:
    with pytest.raises(CrmUnavailableError, match="Dynamics"):
        await account_of(monkeypatch, answer).write([Change("a", {"s": 1})])


async def test_a_batch_that_is_refused_as_a_whole_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = httpx.Response(403, json={"error": {"code": "0x80072560", "message": "Jane"}})
    account = account_of(monkeypatch, answer)
    for call in (account.verify(["s"]), account.write([Change("a", {"s": 1})])):
        with pytest.raises(FatalError, match=r"403 \(0x80072560\)"):
            await call
    assert await account.write([]) == []
