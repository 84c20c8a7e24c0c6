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
    head: bytes,
    tails: list[bytes],
    event_ids: list[bytes],
    lead_ids: list[bytes],
    request_ids: list[bytes],
    created_at: NDArray[np.int64],
    timestamps: NDArray[np.int64],
    offsets: NDArray[np.int64],
    scored_at: int,
    scores: NDArray[np.float32],
    coverage: NDArray[np.float32],
    low_coverage: NDArray[np.uint8],
    bounds: NDArray[np.float64],
    verdicts: list[bytes],
    reason_codes: NDArray[np.int32],
    reason_values: NDArray[np.float32],
    reason_heads: list[bytes],
) -> list[bytes]: ...
