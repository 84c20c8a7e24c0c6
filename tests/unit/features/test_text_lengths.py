"""Lengths of texts."""

from __future__ import annotations

import unicodedata

import numpy as np

from features.text_lengths import text_lengths


def test_a_length_does_not_depend_on_how_letters_are_composed() -> None:
    composed = "Ein Gespräch über Größen"
    texts = [composed, unicodedata.normalize("NFD", composed), "n/a", None]
    lengths = text_lengths(texts)
    assert lengths[:2].tolist() == [len(composed)] * 2
    assert np.isnan(lengths[2:]).all()
