import numpy as np
from numpy.typing import NDArray

def read_texts(
    texts: list[bytes | str | None],
    keywords: tuple[bytes, ...],
    longest: int,
    rows: NDArray[np.float64],
) -> list[int]: ...
