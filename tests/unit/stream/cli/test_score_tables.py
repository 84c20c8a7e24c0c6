"""Tables of two scores."""

from __future__ import annotations

import io

import numpy as np
from rich.console import Console
from rich.table import Table

from agents.comparison.bands import BandMatrix
from agents.comparison.score_shift import score_shift
from agents.comparison.scored_pair import ScoredPair, Side
from stream.cli.score_tables import band_matrix, plain_table, quantiles


def shown(table: Table) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    return [line.split() for line in out.getvalue().splitlines()]


def test_bands_are_from_the_best_down() -> None:
    counts = np.arange(9, dtype=np.int64).reshape(3, 3) * 1000
    assert shown(band_matrix(BandMatrix(counts))) == [
        ["High", "Medium", "Low"],
        ["High", "8,000", "7,000", "6,000"],
        ["Medium", "5,000", "4,000", "3,000"],
        ["Low", "2,000", "1,000", "0"],
    ]


def test_quantiles_have_both_sides_by_their_names() -> None:
    side = Side(np.array([0.1, 0.3]), np.zeros(2, dtype=np.int8))
    lines = shown(quantiles(score_shift(ScoredPair(side, side)), "live", "shadow"))
    assert [line[0] for line in lines] == ["mean", "live", "shadow", "change"]
    assert lines[1][1] == lines[2][1] == "0.2000"
    assert lines[3][1] == "+0.0000"


def test_a_plain_table_has_no_lines() -> None:
    assert plain_table("name", "number").box is None
