class RecordWriter:
    def __init__(self, most_bytes: int, is_transactional: bool) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def count(self) -> int: ...
    def write(
        self,
        rows: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]],
        start: int,
        timestamp: int,
    ) -> int: ...
    def append(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
        timestamp: int,
    ) -> bool: ...
    def build(self, producer_id: int, producer_epoch: int, base_sequence: int) -> bytearray: ...
