"""Parquet files of leads, and those that are refused."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.errors import InputError
from tests.unit.features.tables import DATE, NUMBER, strings, table


def parquet(store_schema: bool = True, **columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, store_schema=store_schema)
    return bytes(sink.getvalue().to_pybytes())


def test_each_type_of_parquet_is_read_as_its_kind() -> None:
    parsed = table(
        parquet(
            n=pa.array([1, None, 3]),
            d=pa.array([1.5, float("nan"), float("inf")]),
            b=pa.array([True, None, False]),
            s=pa.array(["x", None, " "]),
            level=pa.array(["u", "v", "u"]).dictionary_encode(),
            t=pa.array([datetime(1970, 1, 2, tzinfo=UTC), None, None]),
            day=pa.array([date(1970, 1, 3), None, None]),
            opens=pa.array([time(14, 30), None, time(0, 0, 0, 1500)]),
            price=pa.array([Decimal("1.25"), None, Decimal("-3")]),
            owner=pa.array([UUID(int=5).bytes, None, None], pa.uuid()),
            nested=pa.array([[1], [2], None]),
        )
    )
    assert parsed.names == ("n", "d", "b", "s", "level", "t", "day", "opens", "price", "owner")
    assert list(parsed.unusable) == ["nested"]
    numbers = parsed.columns_for({"n": NUMBER, "d": NUMBER, "t": DATE, "day": DATE})
    np.testing.assert_array_equal(numbers["n"], [1, np.nan, 3])
    np.testing.assert_array_equal(numbers["d"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["t"], [86_400_000, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["day"], [2 * 86_400_000, np.nan, np.nan])
    of_types = parsed.columns_for({"opens": NUMBER, "price": NUMBER})
    np.testing.assert_array_equal(of_types["opens"], [52_200_000, np.nan, 1.5])
    np.testing.assert_array_equal(of_types["price"], [1.25, np.nan, -3])
    assert strings(parsed, "owner") == [str(UUID(int=5)), None, None]
    assert strings(parsed, "b") == ["true", None, "false"]
    assert strings(parsed, "s") == ["x", None, None]
    assert strings(parsed, "level") == ["u", "v", "u"]
    assert strings(parsed, "n") == ["1", None, "3"]


def test_parquet_without_rows_is_refused() -> None:
    with pytest.raises(InputError, match="no rows"):
        table(parquet(a=pa.array([], pa.int64())))


def test_a_parquet_whose_names_are_no_utf8_is_refused() -> None:
    content = parquet(store_schema=False, lead_id=pa.array(["a"]), other=pa.array(["b"]))
    with pytest.raises(InputError, match="not a readable Parquet file: 'utf-8' codec"):
        table(content.replace(b"lead_id", b"le\xffd_id"))


def test_a_parquet_whose_texts_are_no_utf8_is_refused() -> None:
    content = parquet(a=pa.array(["wörds"]), b=pa.array([1]))
    with pytest.raises(InputError, match="not a readable Parquet file: 'utf-8' codec"):
        table(content.replace("wörds".encode(), b"w\xc3(rds"))


def test_times_of_no_calendar_are_missing() -> None:
    moments = [2**60, -(2**60), 253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_000]
    parsed = table(parquet(t=pa.array(moments, pa.timestamp("ms")), n=pa.array([0] * 5)))
    known = [np.nan, np.nan, 253_402_300_799_999, np.nan, -62_135_596_800_000]
    np.testing.assert_array_equal(parsed.columns_for({"t": DATE})["t"], known)
    years = [None if text is None else text[:4] for text in strings(parsed, "t")]
    assert years == [None, None, "9999", None, "0001"]


def test_a_parquet_that_claims_more_cells_than_its_bytes_can_be_is_refused() -> None:
    with pytest.raises(InputError, match="claims 30000000 rows of 1 columns"):
        table(parquet(a=pa.nulls(30_000_000, pa.int64())))


def test_a_long_text_in_many_rows_of_a_parquet_is_one_text() -> None:
    word = "x" * 1_000_000
    column = pa.DictionaryArray.from_arrays([0] * 5000, [word])
    content = parquet(store_schema=False, a=column, n=pa.array([1] * 5000))
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    cells = strings(table(content), "a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cells) == 5000
    assert set(cells) == {word}
    assert peak < 50_000_000
    assert pa.total_allocated_bytes() - before < 50_000_000
