"""Rows of archive files: records to Arrow tables and back, each byte as it was.

=================  =====================================================================
column             contents
=================  =====================================================================
topic, partition   place of the record
offset
timestamp          of the record, milliseconds since 1970
timestamp_type     0: set by the producer (CreateTime); 1: by the broker (LogAppendTime)
key, value         bytes as they were sent; null if the record has none
headers            name and value of each header, in their order
left_out_bytes     size of a value that was too large to be read; null if the value is there
problem, detail    why a record could not be read (``stream.fetch.raw_records.Problem``); null
                   if it could
=================  =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.dead_letters import VALUE_BYTES
from agents.records import SourceRecord as Record
from schemas.errors import StartupError
from schemas.left_out import LeftOutValue
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord

__all__ = ["TOPIC_ID", "load_pyarrow", "schema_of", "to_records", "to_table"]

FORMAT = b"1"
"""Version of the columns, in the metadata of a file."""
TOPIC_ID = b"leadscore.topic.id"
"""Key of the topic's id in the metadata of a file."""


def load_pyarrow() -> Any:
    """Import pyarrow and its Parquet part.

    Raises
    ------
    StartupError
        It is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise StartupError(
            "expected pyarrow, which reads and writes the archive, but it is not installed: install"
            " leadscore[archive]"
        ) from error
    return pyarrow


def schema_of(pyarrow: Any, topic_id: str | None = None) -> Any:
    """Return the Arrow schema of archive files, with the topic's id in its metadata."""
    pa = pyarrow
    header = pa.struct([("name", pa.string()), ("value", pa.binary())])
    return pa.schema(
        [
            pa.field("topic", pa.string(), nullable=False),
            pa.field("partition", pa.int32(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
            pa.field("timestamp_type", pa.int8(), nullable=False),
            pa.field("key", pa.binary()),
            pa.field("value", pa.binary()),
            pa.field("headers", pa.list_(header), nullable=False),
            pa.field("left_out_bytes", pa.int64()),
            pa.field("problem", pa.string()),
            pa.field("detail", pa.string()),
        ],
        metadata={b"leadscore.archive": FORMAT}
        | ({TOPIC_ID: topic_id.encode()} if topic_id else {}),
    )


def to_table(pyarrow: Any, topic: str, partition: int, records: Sequence[Record]) -> Any:
    """Return records of a partition as an Arrow table."""
    pa, schema, count = pyarrow, schema_of(pyarrow), len(records)
    values: list[bytes | None] = [record.value for record in records]
    left_out: list[int | None] = [None] * count
    problems: list[str | None] = [None] * count
    details: list[str | None] = [None] * count
    headers = [record.headers for record in records]
    for at, record in enumerate(records):
        if isinstance(record, UnreadableRecord):
            problems[at], details[at] = str(record.problem), record.detail
            left_out[at] = record.value_bytes
            headers[at] = [header for header in record.headers if header[0] != VALUE_BYTES]
        elif isinstance(record.value, LeftOutValue):
            values[at], left_out[at] = None, len(record.value)
    columns = [
        pa.repeat(pa.scalar(topic, pa.string()), count),
        pa.repeat(pa.scalar(partition, pa.int32()), count),
        pa.array([record.offset for record in records], pa.int64()),
        pa.array([record.timestamp for record in records], pa.int64()).cast(schema.field(3).type),
        pa.array([_timestamp_type(record) for record in records], pa.int8()),
        pa.array([record.key for record in records], pa.binary()),
        pa.array(values, pa.binary()),
        _headers(pa, schema.field("headers").type, headers),
        pa.array(left_out, pa.int64()),
        pa.array(problems, pa.string()),
        pa.array(details, pa.string()),
    ]
    return pa.table(columns, schema=schema)


def _timestamp_type(record: Any) -> int:
    # None in records of the oldest formats, which have no time of the broker.
    return int(record.timestamp_type or 0)


def _headers(pa: Any, of_type: Any, headers: Sequence[Sequence[tuple[str, bytes | None]]]) -> Any:
    starts, names, values = [0], [], []
    for its in headers:
        for name, value in its:
            names.append(name)
            values.append(value)
        starts.append(len(names))
    flat = pa.StructArray.from_arrays(
        [pa.array(names, pa.string()), pa.array(values, pa.binary())],
        fields=[*of_type.value_type],
    )
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), flat, type=of_type)


def to_records(table: Any) -> list[RawRecord]:
    """Return the records of a table or record batch, as they were read from the topic."""
    columns = [table.column(name).to_pylist() for name in _PLAIN]
    stamps = table.column("timestamp").cast("int64").to_pylist()
    found: list[RawRecord] = []
    for stamp, headers, row in zip(
        stamps, table.column("headers").to_pylist(), zip(*columns, strict=True), strict=True
    ):
        partition, offset, stamp_type, key, value, left_out, problem, detail = row
        pairs = [(header["name"], header["value"]) for header in headers]
        if problem is not None:
            found.append(
                UnreadableRecord(
                    *(partition, offset, stamp, key, value, pairs, Problem(problem), detail),
                    value_bytes=left_out,
                    timestamp_type=stamp_type,
                )
            )
            continue
        if left_out is not None:
            value = LeftOutValue(left_out)
        found.append(
            RawRecord(*(partition, offset, stamp, key, value, pairs), timestamp_type=stamp_type)
        )
    return found


_PLAIN = (
    *("partition", "offset", "timestamp_type", "key", "value"),
    *("left_out_bytes", "problem", "detail"),
)
