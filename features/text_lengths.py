"""Lengths of texts, as the feature matrix counts them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from features.field_spec import normalise_level

__all__ = ["text_lengths"]


def text_lengths(texts: Iterable[str | None]) -> NDArray[np.float64]:
    """Return the number of characters of each text, letters composed (NFC); float64, shape (n,).

    Parameters
    ----------
    texts
        Raw texts; None and words that mean missing have NaN.

    Examples
    --------
    >>> text_lengths(["Sao Paulo", "Sa\u0303o Paulo", "n/a", None])
    array([ 9.,  9., nan, nan])
    """
    return np.array(
        [
            len(unicodedata.normalize("NFC", text)) if text and normalise_level(text) else np.nan
            for text in texts
        ],
        dtype=np.float64,
    )
