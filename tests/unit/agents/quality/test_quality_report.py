import io

import fastavro
import pytest

from agents.quality.quality_report import QualityReport, Segment, decode_quality_report
from monitoring.quality.assessment import assess
from monitoring.quality.counts import QualityCounts
from schemas.store import PACKAGED, SchemaStore
from tests.unit.agents.quality.quality_reports import CHANGE, MODEL, OTHER, WEEK, report

NOBODY = QualityCounts()


@pytest.mark.parametrize(
    "given",
    [
        report(),
        report(unknown=1.0),
        report(counts=NOBODY),
        report(segment=Segment("country", "DE")),
        report(counts=NOBODY, change=CHANGE),
    ],
    ids=["week", "nothing known", "no leads", "segment", "change"],
)
def test_a_report_comes_back_as_it_was(given: QualityReport) -> None:
    assert decode_quality_report(given.encode()) == given


def test_any_avro_library_reads_the_figures() -> None:
    given = report(leads=2000)
    schema = fastavro.schema.load_schema(str(PACKAGED / "quality_report.avsc"))
    record = fastavro.schemaless_reader(io.BytesIO(given.encode()[10:]), schema, None)
    figures, expected = record["figures"], assess(given.counts)
    assert record["kind"] == "cohort"
    assert figures["auc"] == expected.auc.value
    assert figures["auc_estimated"] == expected.estimated.auc.value
    assert figures["average_precision"] == pytest.approx(expected.average_precision.value)
    assert figures["lift"] == pytest.approx(expected.lift.value)
    assert figures["conversion"] == expected.conversion.value
    assert figures["calibration_noise"] == expected.calibration.noise


def test_a_change_has_a_sentence_and_no_counts() -> None:
    schema = SchemaStore.load().by_name("quality_report")
    record = fastavro.schemaless_reader(
        io.BytesIO(report(change=CHANGE).encode()[10:]), schema.parsed, None
    )
    assert record["counts"] is None
    assert record["figures"] is None
    assert record["change"]["sentence"] == CHANGE.sentence


def test_keys_differ_by_all_that_is_counted_apart() -> None:
    reports = [
        report(),
        report(partition=1),
        report(week=1),
        report(model=OTHER),
        report(topic="leads.scored.shadow"),
        report(segment=Segment("country", "DE")),
        report(change=CHANGE),
    ]
    assert reports[0].key == f"leads.scored/0/{MODEL.sha256[:16]}/{WEEK}".encode()
    assert len({one.key for one in reports}) == len(reports)
    assert report(leads=3).key == report(leads=4, reported_at=1).key


def test_bytes_that_are_no_report_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a quality_report"):
        decode_quality_report(b"{}")
    damaged = report().encode().replace(b"\x0612", b"")[:-20]
    with pytest.raises(ValueError, match="expected a quality_report"):
        decode_quality_report(damaged)
