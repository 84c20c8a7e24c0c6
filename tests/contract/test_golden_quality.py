"""Bytes of counts of quality, which topics and stores keep: a change here breaks them."""

import numpy as np

from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes

COUNTS = QualityCounts.count(
    ScoredOutcomes(
        np.array([0.5, 0.25, 0.25]),
        np.array([1, 0, -1], dtype=np.int8),
        ["High", "Low", "Low"],
        np.array([19_900_000, 0, 0]),
        ["EUR", "", ""],
    )
)
COUNTS_AVRO = (
    "c30119b3bb714da6e5f704821c821e0004000200040200000402000080dea0cb05c0fc82aa028a91b2a7070408"
    "48696768020000064c6f77000202000208486967680645555202c099fd1200"
)


def test_counts_are_written_to_the_golden_bytes() -> None:
    assert COUNTS.to_bytes().hex() == COUNTS_AVRO


def test_the_golden_bytes_are_read_to_the_counts() -> None:
    assert QualityCounts.of_bytes(bytes.fromhex(COUNTS_AVRO)) == COUNTS
