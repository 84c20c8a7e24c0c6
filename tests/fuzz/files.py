"""Files of leads that commands read: CSV of any encoding, gzip, Parquet, JSON lines."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
from click.testing import CliRunner

from features.contract import conform
from features.infer import infer_fields
from features.table import Table
from features.table_file import parse_table
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.store import SchemaStore
from stream.__main__ import main
from stream.simulator.lead_file import contract_of, leads_of
from tests.fuzz.target import Feed, Target
from tests.unit.small_model import contract, small_model

__all__ = ["COMMANDS", "PARQUET", "TABLES"]

CSV = (
    b"lead_id,created_at,page_views,industry,job_title,summary,company_size\n"
    b"a,2024-05-31T09:30:00Z,3,retail,CTO,asks for the price,12.5\n"
    b'b,1717146000,,"Health, care",ceo,"two\nlines",\n'
    b"c,31.05.2024 10:00,1e3,n/a,,Gr\xc3\xb6\xc3\x9fe,-inf\n"
)
"""Every kind of column, and cells that are missing."""


Use = Callable[[Table], object]


def _read(content: bytes, uses: Sequence[Use]) -> None:
    """Read a table, and use it in all the ways that train, score and produce do."""
    try:
        table = parse_table(content, "the file")
    except InputError:
        return
    assert all(len(column) == table.rows for column in table.columns.values())
    for use in uses:
        with suppress(InputError):
            use(table)


def _as_levels(table: Table) -> None:
    for column in table.columns.values():
        assert len(column.strings()) == table.rows


def _as_training(table: Table) -> None:
    inferred = infer_fields(table, reserved={"lead_id": "the id"})
    for values in table.columns_for(inferred.kinds).values():
        assert len(values) == table.rows
        if isinstance(values, np.ndarray):
            assert not np.isinf(values).any()
    table.take(np.arange(table.rows)[::-1])


def _uses() -> list[Use]:
    avro = contract().avro
    contracts = SchemaStore.load().lead_contracts()

    def as_leads(table: Table) -> None:
        schema = contract_of(table, contracts)
        leads_of(table, schema, lead_id=table.find("lead_id", "--id"), time="created_at")

    def as_scored(table: Table) -> None:
        known = conform(table, avro)
        known.columns_for(dict.fromkeys(table.names, FieldKind.TEXT))
        known.columns_for(dict.fromkeys(table.names, FieldKind.DATE))

    return [_as_levels, _as_training, as_leads, as_scored]


@contextmanager
def _tables() -> Iterator[Feed]:
    uses = _uses()
    yield lambda content: _read(content, uses)


def _csv_seeds() -> list[bytes]:
    text = CSV.decode()
    semicolons = text.replace(",", ";").replace("12.5", "12,5")
    return [
        CSV,
        semicolons.encode("cp1252"),
        text.replace(",", "\t").encode("utf-16"),
        text.replace(",", "|").encode("utf-8-sig"),
        "имя,город\nИван,Москва\nАнна,Тверь\n".encode("cp1251"),
        gzip.compress(CSV, mtime=0),
        gzip.compress(CSV, mtime=0) * 2,
        gzip.compress(bytes(3_000_000), mtime=0),
        b"PK\x03\x04",
        b"a,b\n" + b"1,2\n" * 20,
    ]


TABLES = Target("tables", _tables, _csv_seeds, longest=8192)


def _parquet_seeds() -> list[bytes]:
    table = {
        "lead_id": ["a", "b", None],
        "created_at": pyarrow.array([0, 2**40, None], pyarrow.timestamp("ms")),
        "far": pyarrow.array([2**60, -(2**60), 1], pyarrow.timestamp("ms")),
        "day": pyarrow.array([1, 2, None], pyarrow.date32()),
        "page_views": [1, 2, None],
        "company_size": [1.5, float("inf"), float("nan")],
        "flag": [True, None, False],
        "industry": pyarrow.array(["x", "y", "x"]).dictionary_encode(),
        "tags": [[1], [], None],
        "none": pyarrow.nulls(3),
        "price": pyarrow.array([1, 2, None], pyarrow.decimal128(10, 2)),
    }
    return [
        _parquet({name: table[name] for name in names}, **options)
        for names, options in (
            (list(table), {"compression": "none"}),
            (["lead_id", "page_views"], {"compression": "none", "use_dictionary": False}),
            (["lead_id", "created_at"], {"compression": "zstd"}),
            (["company_size", "industry"], {"compression": "snappy", "data_page_version": "2.0"}),
        )
    ]


def _parquet(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out, store_schema=False, **options)
    return out.getvalue()


PARQUET = Target("parquet", _tables, _parquet_seeds, longest=16_384)


@contextmanager
def _commands() -> Iterator[Feed]:
    with TemporaryDirectory() as folder:
        model = small_model(Path(folder))
        runner = CliRunner()

        def feed(content: bytes) -> None:
            for command in (["score", "-", "--format", "csv"], ["explain", "-"]):
                result = runner.invoke(
                    main, [*command, "--model", model.bundle.location], input=content
                )
                ends = result.exception is None or isinstance(result.exception, SystemExit)
                if not ends or result.exit_code not in (0, 1, 2):
                    raise AssertionError(f"{command[0]} ends with {result.exit_code}") from (
                        result.exception
                    )

        yield feed


def _command_seeds() -> list[bytes]:
    lines = (
        b'{"lead_id": "a", "created_at": 1, "page_views": 3, "industry": "retail"}\n'
        b'{"lead_id": "b", "created_at": "2024-05-31", "summary": "price"}\nnonsense\n{}'
    )
    return [CSV, lines, b" \n" + lines, _parquet_seeds()[0], gzip.compress(CSV, mtime=0)]


COMMANDS = Target("commands", _commands, _command_seeds, longest=8192)
