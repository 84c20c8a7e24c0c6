"""Leads by id from a SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from schemas.errors import StartupError
from schemas.wire import WireFormat
from stream.rest.lead_store import StoreUnavailableError
from stream.rest.sql_lead_store import open_lead_store
from stream.settings import load_settings
from tests.lead_store_conformance import Check, each_check, filled, looking_up

LEAD = {"lead_id": "a", "created_at": 1}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'leads.db'}"


@each_check
async def test_it_conforms(check: Check, url: str) -> None:
    await check(url)


async def test_a_file_that_is_missing_is_not_created(tmp_path: Path) -> None:
    file = tmp_path / "leads.db"
    url = f"sqlite:///{file}"
    async with looking_up(url) as store:
        with pytest.raises(StoreUnavailableError, match="LEADSCORE_REST_LEAD_STORE"):
            await store.find(["a"])
    assert not await asyncio.to_thread(file.exists)


async def test_a_file_that_is_locked_is_unavailable_within_the_time_limit(
    url: str, tmp_path: Path
) -> None:
    await filled(url, [LEAD], WireFormat.JSON)
    with sqlite3.connect(tmp_path / "leads.db") as locking:
        locking.execute("PRAGMA journal_mode=DELETE")
        locking.execute("PRAGMA locking_mode=EXCLUSIVE")
        locking.execute("BEGIN EXCLUSIVE")
        async with looking_up(url, rest_lead_store_seconds=0.2) as store:
            with pytest.raises(StoreUnavailableError, match=r"SQLITE_BUSY|within 0\.2 s"):
                await store.find(["a"])
    locking.close()


async def test_it_cannot_write(url: str) -> None:
    await filled(url, [LEAD], WireFormat.JSON)
    async with looking_up(url) as store:
        with store._engine.connect() as connection, pytest.raises(OperationalError):
            connection.exec_driver_sql("DELETE FROM leads")


async def test_a_password_is_not_in_the_reason() -> None:
    url = "postgresql://ann:secret@127.0.0.1:1/crm"
    async with looking_up(url) as store:
        with pytest.raises(StoreUnavailableError, match=r"ann:\*\*\*@") as raised:
            await store.probe()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["mysql://a/b", "no url", ""])
def test_another_database_is_a_sentence(url: str) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_REST_LEAD_STORE"):
        open_lead_store(load_settings(rest_lead_store=SecretStr(url)))


async def test_a_look_up_that_outlives_the_store_closes_its_connection(url: str) -> None:
    await filled(url, [], WireFormat.JSON)
    async with looking_up(url) as store:
        engine = store._engine
        closed: list[object] = []
        event.listen(engine, "close", lambda connection, _: closed.append(connection))
        begun, is_closed = threading.Event(), threading.Event()

        @event.listens_for(engine, "before_cursor_execute")
        def wait(*_: object) -> None:
            begun.set()
            assert is_closed.wait(10)

        look = asyncio.get_running_loop().run_in_executor(None, store._find, ["a"])
        await asyncio.to_thread(begun.wait, 10)
    assert closed == []
    is_closed.set()
    assert await look == {}
    assert len(closed) == 1
