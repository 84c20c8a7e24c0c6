from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

class _Position(Protocol):
    next_fetch_offset: int

class Record:
    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def timestamp_type(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]: ...

class RecordReader:
    def __init__(
        self,
        topic: str,
        partition: int,
        position: _Position,
        most: int,
        left: int,
        overhead: int,
    ) -> None: ...
    @property
    def records(self) -> list[Record]: ...
    @property
    def left(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def is_full(self) -> bool: ...
    def read(self, batch: Iterator[Any]) -> RecordReader: ...

class ReadBatch:
    def __init__(self, batch: Any, source: Any) -> None: ...

def columns_of(
    records: Sequence[Any],
) -> tuple[list[bytes | None], list[int], NDArray[np.int64], NDArray[np.int64], bool] | None: ...
def output_rows(
    keys: list[bytes],
    values: list[bytes],
    shared: list[tuple[str, bytes | None]],
    event_ids: list[bytes],
    request_ids: list[bytes],
    passed_on: list[Sequence[tuple[str, bytes | None]]] | None,
) -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]]: ...
def largest_of(
    rows: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]],
) -> tuple[int, int]: ...
