from typing import Any

import numpy as np
from numpy.typing import NDArray

def write_numbers(
    values: NDArray[np.float64],
    largest: float,
    edges: NDArray[np.float64],
    matrix: NDArray[np.float32],
    column: int,
    bins: NDArray[np.int16],
    field: int,
) -> None: ...
def write_levels(
    values: list[Any],
    codes: dict[Any, int],
    rows: NDArray[np.float32],
    bins_of: NDArray[np.int16],
    matrix: NDArray[np.float32],
    column: int,
    bins: NDArray[np.int16],
    field: int,
) -> None: ...
def write_texts(
    texts: list[bytes | str | None],
    keywords: tuple[bytes, ...],
    longest: int,
    edges: NDArray[np.float64],
    matrix: NDArray[np.float32],
    column: int,
    bins: NDArray[np.int16],
    field: int,
) -> list[int]: ...

class ReasonFinder:
    def __init__(
        self,
        of_field: NDArray[np.int32],
        tables: NDArray[np.int32],
        starts: NDArray[np.float64],
        columns: NDArray[np.int32],
    ) -> None: ...
    def write(
        self,
        fields: NDArray[np.int64],
        values: NDArray[np.float32],
        aspects: NDArray[np.float32],
        matrix: NDArray[np.float32],
        bins: NDArray[np.int16],
        codes: NDArray[np.int32],
    ) -> None: ...
