"""A local Dataverse: rows by alternate key, batch requests; sources in stream/crm/dynamics.py."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from testing.crm_server import CrmServer, Handler

__all__ = ["DynamicsServer"]

API = "/api/data/v9.2"
MOST_REQUESTS = 1000
REQUEST = re.compile(rb"PATCH (\S+) HTTP/1.1\r\n.*?\r\n\r\n(.*?)\r\n\Z", re.DOTALL)


class DynamicsServer(CrmServer):
    """Rows of the table leads.

    Attributes
    ----------
    throttled
        Number of the next requests of batches that get 429.
    """

    key = "new_leadscore_id"
    prefix = "new_leadscore_"

    def __init__(self) -> None:
        super().__init__()
        self.throttled = 0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {("GET", f"{API}/leads"): self._list, ("POST", f"{API}/$batch"): self._batch}

    def error(self, status: int, code: str, **more: Any) -> web.Response:
        return web.json_response({"error": {"code": code, "message": "Jane Doe"}}, status=status)

    async def _list(self, request: web.Request) -> web.Response:
        names = request.query["$select"].split(",")
        if not set(names) <= self.properties:
            return self.error(400, "0x80060888")
        ids = [
            each.replace("''", "'")
            for each in re.findall(
                rf"{self.key} eq '((?:[^']|'')*)'", request.query.get("$filter", "")
            )
        ]
        rows = [
            {name: self.records[each].get(name) for name in names}
            for each in ids
            if each in self.records
        ]
        return web.json_response({"value": rows})

    async def _batch(self, request: web.Request) -> web.Response:
        assert request.headers["Prefer"] == "odata.continue-on-error"
        boundary = request.headers["Content-Type"].partition("boundary=")[2]
        parts = (await request.read()).split(f"--{boundary}".encode())[1:-1]
        assert len(parts) <= MOST_REQUESTS
        answers = [self._answer(part) for part in parts]
        body = "".join(f"--batchresponse_1\r\n{answer}\r\n" for answer in answers)
        return web.Response(
            body=f"{body}--batchresponse_1--\r\n".encode(),
            headers={"Content-Type": "multipart/mixed; boundary=batchresponse_1"},
        )

    def _answer(self, part: bytes) -> str:
        found = REQUEST.search(part)
        assert found is not None
        row = re.fullmatch(rf"{API}/leads\({self.key}='(.*)'\)", unquote(found[1].decode()))
        assert row is not None
        if self.throttled:
            self.throttled -= 1
            return _part("429 Too Many Requests", "0x80072322", "Retry-After: 3\r\n")
        code = self.written_to(row[1].replace("''", "'"), json.loads(found[2]))
        return _part("400 Bad Request", "0x80048d19") if code else _part("204 No Content")


def _part(status: str, code: str = "", headers: str = "") -> str:
    body = json.dumps({"error": {"code": code, "message": "Jane Doe"}}) if code else ""
    return (
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        f"HTTP/1.1 {status}\r\n{headers}OData-Version: 4.0\r\n\r\n{body}"
    )
