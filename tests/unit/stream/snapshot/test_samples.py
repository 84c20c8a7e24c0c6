"""The two samples of a snapshot: scored as a worker scores, and as the bundle has them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.errors import StartupError
from schemas.wire import WireFormat
from stream.settings import load_settings
from stream.snapshot.samples import comparable_bundle, reference_sample, scored_sample
from tests.unit.small_model import LEADS, NAME, small_model


@dataclass
class Record:
    value: bytes | None
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[Any, ...] = field(default=())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def settings(model: Any) -> Any:
    return load_settings(registry=str(model.registry), model=NAME)


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_leads_are_scored_and_what_is_no_lead_is_left_out(
    model: Any, settings: Any, wire: Any
) -> None:
    if wire not in (WireFormat.AVRO, WireFormat.JSON):
        pytest.skip("leads are not written in this format")
    records = [Record(value) for value in model.values(wire)]
    sample = scored_sample(model.bundle, settings, [*records, Record(b"no lead"), Record(None)])
    assert len(sample) == LEADS
    assert sample.bins.shape == (LEADS, len(model.bundle.metadata.reference.counted))
    np.testing.assert_array_equal(sample.numbers["page_views"], model.columns["page_views"])
    assert sample.scores.dtype == np.float32
    assert 0 < sample.scores.min() < sample.scores.max() < 1


def test_no_lead_is_no_error(model: Any, settings: Any) -> None:
    assert len(scored_sample(model.bundle, settings, [Record(b"")])) == 0


def test_a_bundle_without_a_reference_sample_is_named(model: Any) -> None:
    with pytest.raises(StartupError, match=r"reference\.parquet.*leadscore train"):
        reference_sample(model.bundle)


def test_a_constant_score_has_nothing_to_compare_with(tmp_path: Path) -> None:
    settings = load_settings(registry=str(tmp_path), environment="development")
    with pytest.raises(StartupError, match="constant score"):
        comparable_bundle(settings)
