"""Bytes of counts and reports of quality, which topics and stores keep: a change breaks them."""

from dataclasses import replace

import numpy as np
import pytest

from agents.quality.error_change import QualityChange
from agents.quality.quality_report import QualityReport, Segment, decode_quality_report
from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes
from schemas.model_identity import ModelIdentity

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


REPORT = QualityReport(
    reported_at=1_798_500_000_000,
    topic="leads.scored",
    partition=3,
    model=ModelIdentity("leads", "7", "ab" * 32),
    week=1_798_416_000_000,
    counts=COUNTS,
)
REPORT_AVRO = (
    "c3018f808cc990864652008084a1efd768186c656164732e73636f726564060a6c6561647302378001616261"
    "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
    "62616261626162616261626162616261628090939fd768000204821c821e0004000200040200000402000080"
    "dea0cb05c0fc82aa028a91b2a707040848696768020000064c6f77000202000208486967680645555202c099"
    "fd1200020402000000000000e03f02000000000000d83f02000000000000f03f020000000000000000020000"
    "00000000f03f0221def2ae81fee33f02000000000000f03f02000000000000c43f02240b9307f462df3f0200"
    "0000000000d83f0294e1afd658a6ea3f02000000000000004000"
)
SEGMENT = replace(REPORT, segment=Segment("country", "DE"))
SEGMENT_AVRO = (
    "c3018f808cc990864652008084a1efd768186c656164732e73636f726564060a6c6561647302378001616261"
    "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
    "62616261626162616261626162616261628090939fd768020e636f756e7472790444450204821c821e000400"
    "0200040200000402000080dea0cb05c0fc82aa028a91b2a707040848696768020000064c6f77000202000208"
    "486967680645555202c099fd12000000"
)
CHANGE = replace(
    REPORT,
    counts=QualityCounts(),
    change=QualityChange("bias", "adwin", None, 0.125, True),
)
CHANGE_AVRO = (
    "c3018f808cc990864652028084a1efd768186c656164732e73636f726564060a6c6561647302378001616261"
    "6261626162616261626162616261626162616261626162616261626162616261626162616261626162616261"
    "62616261626162616261626162616261628090939fd7680000000208626961730a616477696e000000000000"
    "00c03f019e01436f6e76657273696f6e206f6620746865206c6174657374206c656164732069732031322e35"
    "20706f696e74732061626f766520776861742074686569722073636f7265732070726f6d697365642e"
)


WRITTEN = [(REPORT, REPORT_AVRO), (SEGMENT, SEGMENT_AVRO), (CHANGE, CHANGE_AVRO)]


@pytest.mark.parametrize(("report", "expected"), WRITTEN)
def test_a_report_is_written_to_the_golden_bytes(report: QualityReport, expected: str) -> None:
    assert report.encode().hex() == expected


@pytest.mark.parametrize(("report", "written"), WRITTEN)
def test_the_golden_bytes_are_read_to_the_report(report: QualityReport, written: str) -> None:
    assert decode_quality_report(bytes.fromhex(written)) == report
