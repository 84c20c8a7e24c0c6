import numpy as np
from numpy.typing import NDArray

CACHED_STRINGS: int

def read_records(
    values: list[bytes | None],
    header: bytes,
    longest: int,
    plan: NDArray[np.int16],
    strings: list[list[bytes | None]],
    known: list[list[bytes | None] | None],
    numbers: NDArray[np.float64],
    is_plain: NDArray[np.uint8],
) -> None: ...
def write_events(
    n: int,
    plan: NDArray[np.int16],
    pieces: list[bytes],
    texts: list[list[bytes]],
    longs: NDArray[np.int64],
    doubles: NDArray[np.float64],
    options: NDArray[np.uint8],
    option_bytes: list[list[bytes]],
    reason_codes: NDArray[np.int32],
    reason_values: NDArray[np.float32],
    reason_heads: list[bytes],
) -> list[bytes]: ...
def event_ids(
    prefixes: dict[int, bytes], partitions: list[int], offsets: NDArray[np.int64]
) -> list[bytes]: ...
