"""Dynamics 365: rows of Dataverse by the Web API, in batch requests of 100.

From Microsoft's documentation (learn.microsoft.com/power-apps/developer/data-platform):

- ``webapi/update-delete-entities-using-web-api``, "Upsert a table row": PATCH with an alternate key
  creates the row or updates it; columns that are not sent stay as they are.
- ``webapi/execute-batch-operations-using-web-api``: a batch has at most 1,000 requests, run one
  after the other and answered in their order; it continues after an error with
  ``Prefer: odata.continue-on-error``.
- ``api-limits``: service protection limits of each user and web server in five minutes: 6,000
  requests, 20 minutes of execution time, and 52 requests at once. Beyond them an answer is 429 with
  Retry-After in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from schemas.errors import FatalError
from stream.crm.account import OK, Change, CrmUnavailableError, Properties, Result, plain_code
from stream.crm.connection import CrmConnection
from stream.crm.odata_batch import PartAnswer, read_answers, write_requests
from stream.crm.queries import split_by_size
from stream.process.retry_after import seconds_to_wait

__all__ = ["DynamicsAccount"]

API = "/api/data/v9.2"
HEADERS = {"OData-Version": "4.0", "OData-MaxVersion": "4.0", "Accept": "application/json"}


class DynamicsAccount:
    """The rows of a table, such as leads: ``CrmAccount``.

    Parameters
    ----------
    connection
        Sends requests.
    entity_set
        Name of the table in addresses, such as ``leads``.
    key
        Column of an alternate key with the id of the lead.
    """

    title = "Dynamics"
    most_records = 100

    def __init__(self, connection: CrmConnection, entity_set: str, key: str) -> None:
        self._connection = connection
        self._set = entity_set
        self._key = key

    async def verify(self, properties: Collection[str]) -> None:
        """Check that the table has the columns."""
        await self._rows({"$select": self._names(properties), "$top": "1"})

    async def read(
        self, ids: Sequence[str], properties: Collection[str]
    ) -> Mapping[str, Properties]:
        """Return columns of the rows that there are."""
        found: dict[str, Properties] = {}
        for some in split_by_size(f"{self._key} eq {_literal(each)}" for each in ids):
            clause = " or ".join(some)
            rows = await self._rows({"$select": self._names(properties), "$filter": clause})
            found |= {str(row[self._key]): row for row in rows}
        return found

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Write changes: each succeeds or fails alone."""
        if not changes:
            return []
        boundary = f"batch_{uuid4().hex}"
        requests = [
            ("PATCH", f"{API}/{self._set}({self._key}={quote(_literal(each.id))})", each.properties)
            for each in changes
        ]
        answer = await self._connection.request(
            "POST",
            f"{API}/$batch",
            content=write_requests(requests, boundary),
            headers=HEADERS
            | {
                "Content-Type": f"multipart/mixed; boundary={boundary}",
                "Prefer": "odata.continue-on-error",
            },
        )
        if answer.status_code != 200:
            raise self._refused(answer)
        try:
            found = read_answers(answer.content, answer.headers.get("content-type", ""))
        except ValueError as error:
            raise CrmUnavailableError(f"Dynamics: {error}") from None
        if len(found) != len(changes):
            raise CrmUnavailableError(f"Dynamics: {len(found)} answers to {len(changes)} requests")
        return [_result(each) for each in found]

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _names(self, properties: Collection[str]) -> str:
        return ",".join(dict.fromkeys([self._key, *properties]))

    async def _rows(self, params: Mapping[str, str]) -> list[dict[str, Any]]:
        path = f"{API}/{self._set}"
        answer = await self._connection.request("GET", path, params=params, headers=HEADERS)
        if answer.status_code != 200:
            raise self._refused(answer)
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def _refused(self, answer: httpx.Response) -> FatalError:
        return self._connection.refused(answer, _code(_json(answer)))


def _literal(value: str) -> str:
    """Return a text as OData writes it."""
    return "'" + value.replace("'", "''") + "'"


def _result(answer: PartAnswer) -> Result:
    if answer.status < 300:
        return OK
    may_pass = answer.status == 429 or answer.status >= 500
    pause = seconds_to_wait(answer.headers.get("retry-after"), time.time()) if may_pass else None
    return Result(_code(answer.json()), may_pass, pause)


def _code(body: Any) -> str:
    try:
        return plain_code(body["error"]["code"])
    except (LookupError, TypeError):
        return "unknown"


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
