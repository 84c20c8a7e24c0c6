"""Fields to segment by, of the candidate and of the leads."""

from __future__ import annotations

import numpy as np
import pytest

from features.table_file import parse_table
from schemas.errors import InputError
from schemas.wire import WireFormat
from stream.comparison.segment_fields import field_of_records, field_of_table, fields_of_model
from stream.settings import load_settings
from tests.unit.small_model import LEADS
from tests.unit.stream.comparison.lead_records import LeadRecord, lead_records
from tests.unit.two_models import TwoModels


def test_a_field_of_the_model_has_its_bins(two: TwoModels) -> None:
    counted = two.after.metadata.reference.counted
    bins = np.zeros((5, len(counted)), dtype=np.int16)
    bins[3, 1] = 2
    found = fields_of_model(two.after, bins, np.array([1, 3]))
    assert set(found) >= {"page_views", "industry", "created_at"}
    assert found["industry"].codes.tolist() == [0, 2]
    assert len(found["industry"].labels) == counted[1].codes


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_any_field_of_the_records_can_be_read(two: TwoModels, wire: WireFormat) -> None:
    settings = load_settings()
    records = lead_records(two.small, wire)
    texts = field_of_records("industry", two.after, settings, records)
    assert {"missing", "retail", "mining"} <= set(texts.labels)
    numbers = field_of_records("company_size", two.after, settings, records)
    assert list(numbers.labels) == ["1", "12.5", "300", "8000", "missing"]
    assert np.bincount(numbers.codes).sum() == LEADS


def test_a_record_that_is_no_lead_has_a_missing_value(two: TwoModels) -> None:
    records = [LeadRecord(b"no lead"), *lead_records(two.small)]
    found = field_of_records("company_size", two.after, load_settings(), records)
    assert found.labels[found.codes[0]] == "missing"


def test_an_unknown_field_is_refused_with_names_that_exist(two: TwoModels) -> None:
    with pytest.raises(InputError, match=r"'region' \(--by\).*page_views"):
        field_of_records("region", two.after, load_settings(), lead_records(two.small))


def test_a_column_of_a_file_may_be_segmented_though_the_model_lacks_it(two: TwoModels) -> None:
    table = parse_table(b"lead_id,owner,deals\na,Ann,1\nb,Bob,2\nc,Ann,\n", "leads.csv")
    owner = field_of_table("owner", two.after, table, np.array([0, 2]))
    assert (list(owner.labels), owner.codes.tolist()) == (["Ann"], [0, 0])
    deals = field_of_table("deals", two.after, table, np.array([0, 1, 2]))
    assert list(deals.labels) == ["1", "2", "missing"]
    with pytest.raises(InputError, match="'region'"):
        field_of_table("region", two.after, table, np.array([0]))
