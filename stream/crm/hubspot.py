"""HubSpot: contacts by the CRM objects API, in batches of 100.

From HubSpot's documentation (developers.hubspot.com/docs):

- ``api-reference/crm-contacts-v3/batch``: ``batch/read``, ``batch/upsert`` (by a property with
  unique values, ``idProperty``) and ``batch/update`` (by record id) take ``inputs``, 100 at most.
- ``api-reference/latest/error-handling``, "Multi-status errors": with an ``objectWriteTraceId`` in
  each input, an answer 207 has the inputs that failed in ``errors``, with that id in ``context``.
  Without, one invalid input fails the batch with 400. Fields of an error are all optional.
- ``developers.hubspot.com/apisbytier``: 100 requests in 10 seconds and 250,000 a day for the
  smallest accounts; the day ends at midnight in the account's time zone. An answer 429 has
  ``policyName`` (DAILY, or the burst limit).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx

from schemas.errors import FatalError
from stream.crm.account import OK, Change, Properties, Result, plain_code
from stream.crm.connection import CrmConnection
from stream.settings import PREFIX

__all__ = ["RECORD_ID", "HubSpotAccount", "daily_pause"]

RECORD_ID = "hs_object_id"
"""Property with HubSpot's own id of a record: it can't be made, so records are only updated."""
DAILY_PAUSE = 900.0
"""Seconds between two attempts once the requests of a day are used up."""


def daily_pause(answer: httpx.Response) -> float | None:
    """Return the seconds to wait if the limit of the day is reached."""
    if answer.status_code == 429 and _json(answer).get("policyName") == "DAILY":
        return DAILY_PAUSE
    return None


class HubSpotAccount:
    """The contacts, or other objects, of a HubSpot account: ``CrmAccount``.

    Parameters
    ----------
    connection
        Sends requests.
    object_type
        Such as ``contacts``.
    key
        Property with the id of the lead: one with unique values, or ``hs_object_id``.
    """

    title = "HubSpot"
    most_records = 100

    def __init__(self, connection: CrmConnection, object_type: str, key: str) -> None:
        self._connection = connection
        self._type = object_type
        self._key = key
        self._path = f"/crm/v3/objects/{object_type}/batch"

    async def verify(self, properties: Collection[str]) -> None:
        """Check that the account has the properties."""
        answer = await self._connection.request("GET", f"/crm/v3/properties/{self._type}")
        if answer.status_code != 200:
            raise self._refused(answer)
        found = {each.get("name") for each in _json(answer).get("results", ())}
        missing = sorted({self._key, *properties} - found)
        if missing:
            raise FatalError(
                f"expected the {self._type} of HubSpot to have the properties"
                f" {', '.join(missing)}: create them (docs/crm.md#hubspot), or set"
                f" {PREFIX}CRM_KEY and {PREFIX}CRM_FIELDS to others"
            )

    async def read(
        self, ids: Sequence[str], properties: Collection[str]
    ) -> Mapping[str, Properties]:
        """Return properties of the records that there are."""
        if not ids:
            return {}
        body: dict[str, Any] = {
            "properties": [*properties, self._key],
            "inputs": [{"id": each} for each in ids],
        }
        if self._key != RECORD_ID:
            body["idProperty"] = self._key
        answer = await self._connection.request("POST", f"{self._path}/read", json=body)
        if answer.status_code == 400:  # an id that can't be one
            half = len(ids) // 2
            if not half:
                return {}
            parts = [await self.read(some, properties) for some in (ids[:half], ids[half:])]
            return {**parts[0], **parts[1]}
        if answer.status_code not in (200, 207):
            raise self._refused(answer)
        return {
            self._id_of(record): {**record["properties"], "createdAt": record.get("createdAt")}
            for record in _json(answer).get("results", ())
        }

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Write changes; a batch that is refused as a whole is halved."""
        if not changes:
            return []
        is_update = self._key == RECORD_ID
        body = {"inputs": [self._input(at, change) for at, change in enumerate(changes)]}
        path = f"{self._path}/{'update' if is_update else 'upsert'}"
        answer = await self._connection.request("POST", path, json=body)
        if answer.status_code in (200, 201):
            return [OK] * len(changes)
        if answer.status_code == 207:
            return self._results(changes, _json(answer))
        if answer.status_code == 409:  # another writer of the same records
            return [Result(_code(_json(answer)), may_pass=True)] * len(changes)
        if answer.status_code != 400:
            raise self._refused(answer)
        if len(changes) == 1:
            return [Result(_code(_json(answer)))]
        half = len(changes) // 2
        return [*await self.write(changes[:half]), *await self.write(changes[half:])]

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()

    def _input(self, position: int, change: Change) -> dict[str, Any]:
        found = {
            "id": change.id,
            "properties": change.properties,
            "objectWriteTraceId": str(position),
        }
        return found if self._key == RECORD_ID else found | {"idProperty": self._key}

    def _results(self, changes: Sequence[Change], body: Mapping[str, Any]) -> list[Result]:
        """Return the outcome of each input of a multi-status answer.

        Errors name their inputs by trace id or by id. Should one name none, all inputs that are not
        among the results have failed.
        """
        results = [OK] * len(changes)
        position_of = {change.id: at for at, change in enumerate(changes)}
        written = {self._id_of(record) for record in body.get("results", ())}
        for error in body.get("errors", ()):
            context = error.get("context") or {}
            positions = [int(each) for each in context.get("objectWriteTraceId", ())]
            positions += [
                position_of[each] for each in context.get("ids", ()) if each in position_of
            ]
            positions = positions or [
                at for at, change in enumerate(changes) if change.id not in written
            ]
            for at in positions:
                results[at] = Result(_code(error))
        return results

    def _id_of(self, record: Mapping[str, Any]) -> str:
        return str(record["id"] if self._key == RECORD_ID else record["properties"][self._key])

    def _refused(self, answer: httpx.Response) -> FatalError:
        return self._connection.refused(answer, _code(_json(answer)))


def _code(error: Mapping[str, Any]) -> str:
    """Return the most specific code of an error; its message quotes values."""
    inner = error.get("errors") or [{}]
    return plain_code(inner[0].get("code") or error.get("category"))


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
