"""Leads by id from the table `leads` of the sink `sql`, in PostgreSQL or SQLite.

A look-up is one query, in a thread of its own and on a pooled connection. Fields are taken as text,
and read by the same JSON parser as a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
from sqlalchemy import Engine, Select, Text, any_, bindparam, cast, create_engine, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from stream.rest.lead_store import StoredLead, StoreUnavailableError
from stream.settings import PREFIX, Settings
from stream.sinks.sql_engine import database_url
from stream.sinks.sql_tables import LEADS

__all__ = ["SqlLeadStore", "open_lead_store"]

T = TypeVar("T")

SETTING = f"{PREFIX}REST_LEAD_STORE"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECT_SECONDS = 2
ATTEMPTS = 2
"""The second one is for pooled connections that the server has closed meanwhile."""


def open_lead_store(settings: Settings) -> SqlLeadStore:
    """Return the store that the settings name, not connected yet.

    Raises
    ------
    StartupError
        The URL is none of PostgreSQL or SQLite.
    """
    named = settings.rest_lead_store
    return SqlLeadStore(
        database_url("" if named is None else named.get_secret_value(), SETTING),
        settings.rest_lead_store_seconds,
        settings.rest_lead_store_connections,
    )


class SqlLeadStore:
    """Looks leads up in a database; see ``stream.rest.lead_store.LeadStore``.

    Parameters
    ----------
    url
        The database.
    seconds
        Longest time of a look-up, the wait for a connection included.
    connections
        Connections, and look-ups at once.
    """

    def __init__(self, url: URL, seconds: float, connections: int) -> None:
        self._url = url
        self._seconds = seconds
        self._engine = _engine(url, seconds, connections)
        self._threads = ThreadPoolExecutor(connections, "lead-store")
        self._is_closed = False
        self._wanted = _wanted(url.get_backend_name())

    async def find(self, ids: Sequence[str]) -> Mapping[str, StoredLead]:
        """Return the leads that are there, by id; one query."""
        # A text of a database has no null character: no lead has such an id there.
        asked = [lead_id for lead_id in dict.fromkeys(ids) if "\0" not in lead_id]
        return await self._run(lambda: self._find(asked)) if asked else {}

    async def probe(self) -> None:
        """Select no row."""
        await self._run(lambda: self._select([]))

    async def close(self) -> None:
        """Close the connections, without waiting for look-ups that hang."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    async def _run(self, look: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, look)
        except TimeoutError:
            raise self._unavailable(f"it did not answer within {self._seconds:g} s") from None
        except DBAPIError as error:
            code = getattr(error.orig, "sqlstate", None) or getattr(
                error.orig, "sqlite_errorname", None
            )
            kind = type(error.orig).__name__
            raise self._unavailable(f"{kind} {code}" if code else kind) from error
        except SQLAlchemyError as error:
            raise self._unavailable(type(error).__name__) from error

    def _unavailable(self, reason: str) -> StoreUnavailableError:
        where = self._url.render_as_string(hide_password=True)
        return StoreUnavailableError(
            f"expected the table {LEADS.name} in {where} ({SETTING}), but: {reason}. Check the"
            " database, that this user may read the table, and that `leadscore sink sql --content"
            " leads` fills it"
        )

    def _find(self, ids: Sequence[str]) -> dict[str, StoredLead]:
        return {
            lead_id: StoredLead(orjson.loads(fields), _ms(written_at))
            for lead_id, fields, written_at in self._select(ids)
        }

    def _select(self, ids: Sequence[str], attempts: int = ATTEMPTS) -> Sequence[Any]:
        try:
            with self._engine.connect() as connection:
                try:
                    return connection.execute(self._wanted, {"ids": list(ids)}).all()
                finally:
                    if self._is_closed:  # its pool was disposed of: nobody else would close it
                        connection.invalidate()
        except DBAPIError as error:
            if attempts == 1 or not error.connection_invalidated:
                raise
            return self._select(ids, attempts - 1)


def _ms(at: datetime) -> int:
    """Return a time in milliseconds since 1970; SQLite has times in UTC without saying so."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)


def _wanted(backend: str) -> Select[Any]:
    """Return the query for the leads with some ids.

    The fields are cast to text: the driver's parser would make an integer of 1e300, as PostgreSQL
    writes it out.
    """
    fields = select(LEADS.c.lead_id, cast(LEADS.c.fields, Text), LEADS.c.written_at)
    if backend == "postgresql":
        ids = any_(bindparam("ids", type_=ARRAY(Text)))
        return fields.where(LEADS.c.lead_id == ids)
    return fields.where(LEADS.c.lead_id.in_(bindparam("ids", expanding=True)))


def _engine(url: URL, seconds: float, connections: int) -> Engine:
    """Make an engine that can only read; it connects when it is used."""
    pool: dict[str, Any] = {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": seconds,
        "isolation_level": "AUTOCOMMIT",  # else a look-up is three round trips
    }
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "").absolute()
        reading = url.set(database=f"file:{file}", query={"mode": "ro", "uri": "true"})
        return create_engine(reading, connect_args={"timeout": seconds}, **pool)
    limit_ms = round(seconds * 1000)
    return create_engine(
        url,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": max(1000, limit_ms),
            "options": f"-c statement_timeout={limit_ms} -c default_transaction_read_only=on",
            "application_name": "leadscore-serve",
        },
        **pool,
    )
