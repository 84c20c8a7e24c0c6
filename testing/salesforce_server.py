"""A local Salesforce: sObject Collections and queries; sources in stream/crm/salesforce.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from testing.crm_server import CrmServer, Handler

__all__ = ["SalesforceServer"]

API = "/services/data/v62.0"
MOST_RECORDS = 200


class SalesforceServer(CrmServer):
    """Leads of an org.

    Attributes
    ----------
    locked
        Leads that another transaction holds, for one attempt.
    is_daily
        Whether the limit of 24 hours is reached.
    """

    key = "LeadScore_Id__c"

    def __init__(self) -> None:
        super().__init__()
        self.locked: set[str] = set()
        self.is_daily = False
        self.is_external_id = True

    def property_of(self, field: str) -> str:
        return f"LeadScore_{field.title()}__c"

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("GET", f"{API}/sobjects/Lead/describe"): self._describe,
            ("GET", f"{API}/query"): self._query,
            ("PATCH", f"{API}/composite/sobjects/Lead/{self.key}"): self._upsert,
        }

    def error(self, status: int, code: str, **more: Any) -> web.Response:
        return web.json_response([{"message": "Jane Doe", "errorCode": code}], status=status)

    async def _describe(self, _: web.Request) -> web.Response:
        fields = [
            {"name": name, "externalId": self.is_external_id and name == self.key}
            for name in self.properties | {"Id"}
        ]
        return web.json_response({"fields": fields})

    async def _query(self, request: web.Request) -> web.Response:
        if self.is_daily:
            return self.error(403, "REQUEST_LIMIT_EXCEEDED")
        assert len(str(request.rel_url)) < 16_384
        found = re.fullmatch(
            rf"SELECT (.+) FROM Lead WHERE {self.key} IN \((.+)\)", request.query["q"]
        )
        assert found is not None
        ids = [
            re.sub(r"\\(.)", r"\1", each) for each in re.findall(r"'((?:[^'\\]|\\.)*)'", found[2])
        ]
        records = [
            {name: _read(self.records[each].get(name)) for name in found[1].split(", ")}
            for each in ids
            if each in self.records
        ]
        return web.json_response({"done": True, "totalSize": len(records), "records": records})

    async def _upsert(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["allOrNone"] or len(body["records"]) > MOST_RECORDS:
            return self.error(400, "INVALID_INPUT")
        return web.json_response([self._written(record) for record in body["records"]])

    def _written(self, record: dict[str, Any]) -> dict[str, Any]:
        assert record.pop("attributes") == {"type": "Lead"}
        lead_id = record.pop(self.key)
        if lead_id in self.locked:
            self.locked.discard(lead_id)
            code = "UNABLE_TO_LOCK_ROW"
        else:
            code = self.written_to(lead_id, record)
        errors = [{"statusCode": code, "message": "Jane Doe", "fields": []}] if code else []
        return {"success": not code, "errors": errors} | ({} if code else {"id": "00Q"})


def _read(value: Any) -> Any:
    """Return a value as Salesforce does: times in whole seconds."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-.*\.\d{3}Z", value):
        return value[:-5] + ".000+0000"
    return value
