"""The columns that a report shows of a sample of leads."""

from __future__ import annotations

import numpy as np

from monitoring.lead_sample import shown_columns
from tests.unit.monitoring.test_snapshot import sample, shown
from tests.unit.small_model import LEADS, SPEC, SmallModel


def test_numbers_are_shown_as_they_are_texts_by_length_the_rest_by_label(model: SmallModel) -> None:
    now, before = shown(model, sample(model), sample(model))
    aspects = [bins.name for bins in model.bundle.metadata.reference.aspects]
    assert list(now) == [*SPEC.kinds, *aspects, "score"]
    assert "created_at:hour" in aspects
    assert set(now["created_at:hour"]) <= {f"{hour} h" for hour in range(24)}
    np.testing.assert_array_equal(now["page_views"], model.columns["page_views"])
    texts = model.columns["summary"]
    lengths = [np.nan if text is None else len(text) for text in texts]
    np.testing.assert_array_equal(now["summary"], lengths)
    industries = {" Software": "software", "Health": "health", None: None}
    for raw, label in zip(model.columns["industry"], now["industry"], strict=True):
        assert label == industries.get(raw, label)
    assert set(now["created_at"]) <= {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
    assert before.keys() == now.keys()


def test_a_field_that_is_lost_is_shown_by_its_bins_on_both_sides(model: SmallModel) -> None:
    lost = sample(model, page_views=np.full(LEADS, np.nan), industry=[None] * LEADS)
    now, before = shown(model, lost, sample(model))
    assert set(now["page_views"]) == set(now["industry"]) == {"missing"}
    assert {"missing", "software"} < set(before["industry"])
    assert all(isinstance(label, str) for label in before["page_views"])
    assert isinstance(now["company_size"], np.ndarray)


def test_columns_have_the_names_that_the_assessment_has(model: SmallModel) -> None:
    names = ["来源", *list(SPEC.kinds)[1:]]
    reference = model.bundle.metadata.reference.with_names(names)
    now, before = shown_columns(SPEC, reference, sample(model), sample(model))
    aspects = [bins.name for bins in reference.aspects]
    assert list(now) == list(before) == [*names, *aspects, "score"]
