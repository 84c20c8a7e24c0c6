"""Salesforce: leads or contacts by sObject Collections, 200 a call.

From Salesforce's documentation (REST API Developer Guide, developer.salesforce.com):

- "Upsert Records Using sObject Collections": ``PATCH /composite/sobjects/OBJECT/EXTERNAL_ID`` with
  at most 200 records; with ``allOrNone`` false each succeeds or fails for itself, and results come
  in the order of the records. Only external ids are supported, no record ids.
- "Update Records Using sObject Collections": ``PATCH /composite/sobjects``, by ``id``.
- "Status Codes and Error Responses": errors are a list of ``errorCode`` and ``message``; 401, the
  session has expired (``INVALID_SESSION_ID``); 403 with ``REQUEST_LIMIT_EXCEEDED``, the requests of
  the last 24 hours are used up.
- "OAuth 2.0 Client Credentials Flow": tokens of ``/services/oauth2/token`` at the org's own domain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx

from schemas.errors import FatalError
from stream.crm.account import OK, Change, Properties, Result, plain_code
from stream.crm.connection import CrmConnection
from stream.crm.queries import split_by_size
from stream.settings import PREFIX

__all__ = ["RECORD_ID", "SalesforceAccount", "daily_pause"]

RECORD_ID = "Id"
"""Field with Salesforce's own id of a record: it can't be made, so records are only updated."""
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
API = "/services/data/v62.0"
DAILY_PAUSE = 900.0
"""Seconds between two attempts once the requests of 24 hours are used up."""
MAY_PASS = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG"})
"""Errors of a record that another attempt may not have."""


def daily_pause(answer: httpx.Response) -> float | None:
    """Return the seconds to wait if the limit of 24 hours is reached."""
    if answer.status_code == 403 and _code(answer) == "REQUEST_LIMIT_EXCEEDED":
        return DAILY_PAUSE
    return None


class SalesforceAccount:
    """The leads, or other objects, of an org: ``CrmAccount``.

    Parameters
    ----------
    connection
        Sends requests.
    object_type
        Such as ``Lead``.
    key
        Field with the id of the lead: an external id, or ``Id``.
    """

    title = "Salesforce"
    most_records = 200

    def __init__(self, connection: CrmConnection, object_type: str, key: str) -> None:
        self._connection = connection
        self._type = object_type
        self._key = key

    async def verify(self, properties: Collection[str]) -> None:
        """Check that the object has the fields, and that the key is an external id."""
        answer = await self._connection.request("GET", f"{API}/sobjects/{self._type}/describe")
        if answer.status_code != 200:
            raise self._refused(answer)
        fields = {field["name"]: field for field in answer.json()["fields"]}
        missing = sorted({self._key, *properties} - fields.keys())
        if missing:
            raise FatalError(
                f"expected {self._type} of Salesforce to have the fields {', '.join(missing)}:"
                " create them, with rights for the token's user (docs/crm.md#salesforce), or set"
                f" {PREFIX}CRM_KEY and {PREFIX}CRM_FIELDS to others"
            )
        if self._key != RECORD_ID and not fields[self._key].get("externalId"):
            raise FatalError(
                f"expected {self._type}.{self._key} to be an external id of Salesforce: mark it as"
                f" external id and unique, or set {PREFIX}CRM_KEY to another field"
            )

    async def read(
        self, ids: Sequence[str], properties: Collection[str]
    ) -> Mapping[str, Properties]:
        """Return fields of the records that there are."""
        found: dict[str, Properties] = {}
        if self._key == RECORD_ID:  # one that is none would fail the whole query
            ids = [each for each in ids if ID.fullmatch(each)]
        names = ", ".join(dict.fromkeys([self._key, *properties]))
        for some in split_by_size(map(_literal, ids)):
            query = f"SELECT {names} FROM {self._type} WHERE {self._key} IN ({','.join(some)})"
            answer = await self._connection.request("GET", f"{API}/query", params={"q": query})
            if answer.status_code != 200:
                raise self._refused(answer)
            found |= {str(record[self._key]): record for record in answer.json()["records"]}
        return found

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Write changes: each succeeds or fails alone."""
        if not changes:
            return []
        is_update = self._key == RECORD_ID
        id_field = "id" if is_update else self._key
        where = "" if is_update else f"/{self._type}/{self._key}"
        body = {
            "allOrNone": False,
            "records": [
                {"attributes": {"type": self._type}, id_field: change.id, **change.properties}
                for change in changes
            ],
        }
        path = f"{API}/composite/sobjects{where}"
        answer = await self._connection.request("PATCH", path, json=body)
        if answer.status_code != 200:
            raise self._refused(answer)
        return [_result(found) for found in answer.json()]

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _refused(self, answer: httpx.Response) -> FatalError:
        return self._connection.refused(answer, _code(answer))


def _literal(value: str) -> str:
    """Return a text as SOQL writes it."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _result(found: Mapping[str, Any]) -> Result:
    if found.get("success"):
        return OK
    errors = found.get("errors") or [{}]
    code = plain_code(errors[0].get("statusCode"))
    return Result(code, may_pass=code in MAY_PASS)


def _code(answer: httpx.Response) -> str:
    """Return the code of an error that is about the whole request."""
    try:
        return plain_code(answer.json()[0]["errorCode"])
    except (ValueError, LookupError, TypeError):
        return "unknown"
