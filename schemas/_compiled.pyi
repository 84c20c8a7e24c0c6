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
    scored_at: int,
    latency_ms: NDArray[np.int64],
    scores: NDArray[np.float64],
    verdicts: NDArray[np.int64],
    verdict_texts: list[bytes],
    confidence: NDArray[np.float64],
    coverage: NDArray[np.float64],
    low_coverage: NDArray[np.uint8],
    reason_heads: list[bytes],
    reason_values: NDArray[np.float64],
    offsets: NDArray[np.int64],
) -> list[bytes]: ...
