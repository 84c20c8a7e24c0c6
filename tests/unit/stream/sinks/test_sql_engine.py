"""Errors of a database are verdicts: the row, the target or the set-up is at fault."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from schemas.errors import FatalError
from stream.sinks.sink import TargetUnavailableError
from stream.sinks.sql_engine import RecordError, database_url, judged

URL = database_url("postgresql://user:secret@host/crm")


class DriverError(Exception):
    """An error of a driver, which quotes a value."""

    sqlstate = "22001"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (DataError("INSERT", {}, DriverError("Anna Schmidt")), RecordError),
        (IntegrityError("INSERT", {}, DriverError("Anna Schmidt")), RecordError),
        (OverflowError("Anna Schmidt"), RecordError),
        (UnicodeEncodeError("utf-8", "Anna", 0, 1, "surrogates"), RecordError),
        (OperationalError("INSERT", {}, DriverError("Anna Schmidt")), TargetUnavailableError),
        (InterfaceError("INSERT", {}, DriverError("Anna Schmidt")), TargetUnavailableError),
        (ProgrammingError("INSERT", {}, DriverError("Anna Schmidt")), FatalError),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else given.__name__,
)
def test_the_class_of_an_error_decides(error: Exception, verdict: type[Exception]) -> None:
    with pytest.raises(verdict) as found, judged(URL):
        raise error
    assert "Anna" not in str(found.value)
    assert "secret" not in str(found.value)


def test_postgresql_has_the_driver_of_leadscore() -> None:
    assert URL.drivername == "postgresql+psycopg"
