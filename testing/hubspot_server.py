"""A local HubSpot: contacts, batch read, upsert and update; sources in stream/crm/hubspot.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from testing.crm_server import CrmServer, Handler

__all__ = ["HubSpotServer"]

MOST_INPUTS = 100


class HubSpotServer(CrmServer):
    """Contacts of a HubSpot account.

    Attributes
    ----------
    has_multi_status
        Whether a batch with trace ids is answered with 207 if an input fails; else, as without
        trace ids, with 400.
    is_daily
        Whether the limit of the day is reached.
    contacts
        Contacts by record id, as webhooks name them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.has_multi_status = True
        self.is_daily = False
        self.contacts: dict[str, dict[str, Any]] = {}
        self.further: set[str] = set()

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        batch = "/crm/v3/objects/contacts/batch"
        return {
            ("GET", "/crm/v3/properties/contacts"): self._list_properties,
            ("POST", f"{batch}/read"): self._read,
            ("POST", f"{batch}/upsert"): self._upsert,
            ("POST", f"{batch}/update"): self._update,
        }

    def error(self, status: int, code: str, **more: Any) -> web.Response:
        body = {"status": "error", "message": "a value: Jane Doe", "category": code, **more}
        return web.json_response(body, status=status)

    async def _list_properties(self, _: web.Request) -> web.Response:
        names = self.properties | {"hs_object_id"} | self.further
        return web.json_response({"results": [{"name": name} for name in sorted(names)]})

    async def _read(self, request: web.Request) -> web.Response:
        body = await request.json()
        by_key = body.get("idProperty") == self.key
        held = self.records if by_key else self.contacts
        ids = [each["id"] for each in body["inputs"]]
        if refusal := self._refused(ids):
            return refusal
        if not by_key and not all(each.isdecimal() for each in ids):
            return self.error(400, "VALIDATION_ERROR")
        results = [
            {
                "id": each,
                "createdAt": "2026-09-21T14:13:20.000Z",
                "properties": {name: _text(held[each].get(name)) for name in body["properties"]},
            }
            for each in ids
            if each in held
        ]
        missing = [each for each in ids if each not in held]
        answer: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if missing:
            answer |= {
                "numErrors": 1,
                "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": missing}}],
            }
        return web.json_response(answer, status=207 if missing else 200)

    async def _upsert(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert {each["idProperty"] for each in body["inputs"]} == {self.key}
        return self._write(body["inputs"])

    async def _update(self, request: web.Request) -> web.Response:
        body = await request.json()
        unknown = [each["id"] for each in body["inputs"] if each["id"] not in self.contacts]
        known = [each for each in body["inputs"] if each["id"] in self.contacts]
        for each in known:
            self.contacts[each["id"]].update(each["properties"])
        errors = [{"category": "OBJECT_NOT_FOUND", "context": {"ids": unknown}}] if unknown else []
        return web.json_response(
            {"results": [{"id": each["id"], "properties": {}} for each in known], "errors": errors},
            status=207 if errors else 200,
        )

    def _write(self, inputs: list[dict[str, Any]]) -> web.Response:
        if refusal := self._refused([each["id"] for each in inputs]):
            return refusal
        codes = [self.refusal(each["properties"]) for each in inputs]
        traced = self.has_multi_status and all(each.get("objectWriteTraceId") for each in inputs)
        failed = [
            {
                "status": "error",
                "category": "VALIDATION_ERROR",
                "message": "Jane Doe was not one of the options",
                "errors": [{"code": code, "message": "Jane Doe"}],
                "context": {"objectWriteTraceId": [each["objectWriteTraceId"]]},
            }
            for each, code in zip(inputs, codes, strict=True)
            if code
        ]
        if failed and not traced:
            return self.error(400, "VALIDATION_ERROR", errors=failed[0]["errors"])
        results = []
        for each, code in zip(inputs, codes, strict=True):
            if not code:
                self.written_to(each["id"], each["properties"])
                results.append({"id": "1", "properties": {self.key: each["id"]}})
        return web.json_response(
            {"results": results, "errors": failed}, status=207 if failed else 200
        )

    def _refused(self, ids: list[str]) -> web.Response | None:
        if self.is_daily:
            return self.error(429, "RATE_LIMITS", errorType="RATE_LIMIT", policyName="DAILY")
        if len(ids) > MOST_INPUTS or len(set(ids)) < len(ids):
            return self.error(400, "VALIDATION_ERROR")
        return None


def _text(value: Any) -> str | None:
    """Return a value as HubSpot does: all are text."""
    return None if value is None else str(value)
