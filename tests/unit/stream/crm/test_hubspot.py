"""HubSpot's answers that the local server does not give: errors without the ids of inputs."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from schemas.errors import FatalError
from stream.crm.access_token import FixedToken
from stream.crm.account import OK, Change, Result
from stream.crm.connection import CrmConnection
from stream.crm.hubspot import HubSpotAccount, daily_pause
from stream.crm.token_bucket import TokenBucket


def account_of(monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response) -> HubSpotAccount:
    left = list(answers)
    bucket = TokenBucket(1000, 10, now=time.monotonic)
    connection = CrmConnection("HubSpot", "https://h.example.com", FixedToken("t"), bucket)

    async def request(*_: Any, **__: Any) -> httpx.Response:
        return left.pop(0)

    monkeypatch.setattr(connection, "request", request)
    return HubSpotAccount(connection, "contacts", "k")


CHANGES = [Change("a", {"s": 1}), Change("b", {"s": 2})]


async def test_an_error_that_names_no_input_fails_those_without_a_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {
        "results": [{"id": "1", "properties": {"k": "b"}}],
        "errors": [{"category": "CONFLICT"}],
    }
    account = account_of(monkeypatch, httpx.Response(207, json=body))
    assert await account.write(CHANGES) == [Result("CONFLICT"), OK]


async def test_a_conflict_with_another_writer_may_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    account = account_of(monkeypatch, httpx.Response(409, json={"category": "CONFLICT"}))
    assert await account.write(CHANGES) == [Result("CONFLICT", may_pass=True)] * 2


async def test_a_token_without_the_scope_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = httpx.Response(403, json={"category": "MISSING_SCOPES", "message": "Jane"})
    for call in ("read", "write", "verify"):
        account = account_of(monkeypatch, answer)
        with pytest.raises(FatalError, match=r"403 \(MISSING_SCOPES\)"):
            await {
                "read": lambda account=account: account.read(["a"], ["s"]),
                "write": lambda account=account: account.write(CHANGES),
                "verify": lambda account=account: account.verify(["s"]),
            }[call]()


async def test_nothing_is_sent_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    account = account_of(monkeypatch)
    assert (await account.write([]), await account.read([], ["s"])) == ([], {})


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(429, json={"policyName": "DAILY"}), 900.0),
        (httpx.Response(429, json={"policyName": "TEN_SECONDLY_ROLLING"}), None),
        (httpx.Response(429, text="<html>"), None),
        (httpx.Response(200, json={"policyName": "DAILY"}), None),
    ],
)
def test_only_the_limit_of_the_day_is_a_long_pause(
    answer: httpx.Response, expected: float | None
) -> None:
    assert daily_pause(answer) == expected
