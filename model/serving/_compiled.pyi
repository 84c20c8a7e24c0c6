from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.serving.tree_layout import TreeLayout

def is_measured() -> bool: ...
def widths() -> tuple[str, ...]: ...

class Trees:
    def __init__(
        self,
        layout: TreeLayout,
        *,
        n_fields: int,
        top_k: int,
        slope: float,
        intercept: float,
        width: str | None = None,
    ) -> None: ...
    @property
    def width(self) -> str: ...
    def score(
        self, rows: NDArray[np.float32], has_reasons: bool, has_contributions: bool = False
    ) -> tuple[Any, ...]: ...
