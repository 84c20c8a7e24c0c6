"""Salesforce's records by its own ids, and whole requests that are refused."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from schemas.errors import FatalError
from stream.crm.access_token import FixedToken
from stream.crm.account import OK, Change, Result
from stream.crm.connection import CrmConnection
from stream.crm.salesforce import SalesforceAccount, daily_pause
from stream.crm.token_bucket import TokenBucket

ID = "00Q5g00000Abcde"


def account_of(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, key: str = "Id"
) -> tuple[SalesforceAccount, list[tuple[str, str, Any]]]:
    sent: list[tuple[str, str, Any]] = []
    bucket = TokenBucket(1000, 10, now=time.monotonic)
    connection = CrmConnection("Salesforce", "https://s.example.com", FixedToken("t"), bucket)

    async def request(method: str, path: str, **more: Any) -> httpx.Response:
        sent.append((method, path, more.get("json") or more.get("params")))
        return answer

    monkeypatch.setattr(connection, "request", request)
    return SalesforceAccount(connection, "Lead", key), sent


async def test_records_by_salesforces_own_id_are_updated(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        {"success": True},
        {"success": False, "errors": [{"statusCode": "MALFORMED_ID", "message": "Jane"}]},
    ]
    account, sent = account_of(monkeypatch, httpx.Response(200, json=answers))
    changes = [Change(ID, {"S__c": 1}), Change("none", {"S__c": 2})]
    assert await account.write(changes) == [OK, Result("MALFORMED_ID")]
    [(method, path, body)] = sent
    assert (method, path) == ("PATCH", "/services/data/v62.0/composite/sobjects")
    assert body["records"][0] == {"attributes": {"type": "Lead"}, "id": ID, "S__c": 1}
    assert body["allOrNone"] is False


async def test_an_id_that_is_none_does_not_fail_the_query_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = httpx.Response(200, json={"records": [{"Id": ID, "S__c": 1}]})
    account, sent = account_of(monkeypatch, answer)
    assert await account.read([ID, "none"], ["S__c"]) == {ID: {"Id": ID, "S__c": 1}}
    assert sent[0][2] == {"q": f"SELECT Id, S__c FROM Lead WHERE Id IN ('{ID}')"}


@pytest.mark.parametrize("body", ['[{"errorCode": "INVALID_FIELD", "message": "Jane"}]', "<html>"])
async def test_a_request_that_is_refused_as_a_whole_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    account, _ = account_of(monkeypatch, httpx.Response(400, text=body), "K__c")
    code = "unknown" if body.startswith("<") else "INVALID_FIELD"
    for call in (
        account.verify(["a"]),
        account.read(["a"], ["b"]),
        account.write([Change("a", {})]),
    ):
        with pytest.raises(FatalError, match=rf"400 \({code}\)"):
            await call


def test_only_the_limit_of_24_hours_is_a_long_pause() -> None:
    limit = httpx.Response(403, json=[{"errorCode": "REQUEST_LIMIT_EXCEEDED"}])
    assert daily_pause(limit) == 900.0
    assert daily_pause(httpx.Response(403, json=[{"errorCode": "API_DISABLED_FOR_ORG"}])) is None
