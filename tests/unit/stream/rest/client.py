"""A REST server of a small model, called without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from stream.process.background_tasks import BackgroundTasks
from stream.rest.server import RestServer
from stream.settings import load_settings
from tests.unit.small_model import SmallModel

__all__ = ["RULES", "TOKEN", "client_of", "rules_file"]

TOKEN = "a-token"
RULES = """
[fit]
least = [70, 40, 20]
points = [
    { field = "company_size", at_least = 300, points = 50 },
    { field = "industry", one_of = ["software", "health"], points = 25 },
    { field = "lead_id", one_of = ["vip"], points = 100 },
]

[engagement]
least = [60, 30, 10]

[[engagement.points]]
field = "page_views"
at_least = 5
points = 80
decay = { since = "created_at", half_life_days = 2 }
"""
"""Rules by which the leads of the small model have many grades."""


def rules_file(folder: Path, rules: str | None = RULES) -> Path | None:
    """Write rules of grades to a file; None: there is none."""
    if rules is None:
        return None
    file = folder / "sales.toml"
    file.write_text(rules)
    return file


@asynccontextmanager
async def client_of(model: SmallModel | None, **given: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a server; without a model, none is loaded."""
    settings = load_settings(
        **{
            "environment": "production",
            "registry": "nowhere" if model is None else str(model.registry),
            "rest_token": SecretStr(TOKEN),
            **given,
        }
    )
    server, tasks = RestServer(settings), BackgroundTasks()
    await server.models.look()
    tasks.start(server.batches.run())
    if server.writer is not None:
        await server.writer.look()
    transport = httpx.ASGITransport(server.asgi, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://leadscore", headers=headers
        ) as client:
            yield client
    finally:
        await tasks.cancel()
        if server.lookups is not None:
            await server.lookups.close()
        if server.log is not None:
            await server.log.write()
