"""Which records a replay scores: a sample by place, and a filter on fields."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from schemas.errors import InputError
from schemas.store import SchemaStore
from stream.replay.selection import Selection, lead_filter, sampled
from tests.unit.small_model import SPEC, SmallModel


class Value(NamedTuple):
    """A record."""

    offset: int
    value: bytes | None


def kept_by(filters: dict[str, str], values: list[bytes]) -> list[int]:
    store = SchemaStore.load()
    matches = lead_filter(list(filters.items()), SPEC, store, 262_144)
    records: Any = [Value(offset, value) for offset, value in enumerate(values)]
    return [record.offset for record in Selection(1.0, matches).kept(0, records)]


def rows(model: SmallModel, field: str, value: Any) -> list[int]:
    return [at for at, lead in enumerate(model.leads) if lead[field] == value]


def test_a_category_a_number_and_an_id_are_compared(model: SmallModel) -> None:
    values = model.values()
    assert kept_by({"industry": "retail"}, values) == rows(model, "industry", "retail")
    assert kept_by({"page_views": "7"}, values) == rows(model, "page_views", 7.0)
    assert kept_by({"lead_id": "L-17"}, values) == [17]


def test_all_conditions_must_hold(model: SmallModel) -> None:
    found = kept_by({"industry": "retail", "job_title": "ceo"}, model.values())
    both = set(rows(model, "industry", "retail")) & set(rows(model, "job_title", "ceo"))
    assert found == sorted(both)


def test_a_field_that_the_model_does_not_read_is_compared_too(model: SmallModel) -> None:
    assert kept_by({"country": "DE"}, model.values()) == []


def test_a_record_that_cannot_be_decoded_is_not_left_out_in_silence(model: SmallModel) -> None:
    values = [b"no lead", *model.values()[:3]]
    assert kept_by({"lead_id": "L-1"}, values) == [0, 2]


def test_without_a_filter_there_is_none() -> None:
    assert lead_filter([], SPEC, SchemaStore.load(), 100) is None


@pytest.mark.parametrize(
    ("filters", "says"), [(("page_views", "many"), "number"), (("created_at", "2026"), "date")]
)
def test_a_value_that_can_never_match_is_refused(filters: tuple[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        lead_filter([filters], SPEC, SchemaStore.load(), 100)


@pytest.mark.parametrize("share", [0.01, 0.25, 0.9])
def test_a_sample_has_about_its_share_and_is_a_function_of_the_place(share: float) -> None:
    offsets = range(100_000)
    drawn = sampled(3, offsets, share)
    assert drawn.mean() == pytest.approx(share, abs=0.01)
    split = np.concatenate([sampled(3, offsets[:777], share), sampled(3, offsets[777:], share)])
    assert (split == drawn).all(), "a resumed replay draws the same"
    assert (sampled(4, offsets, share) != drawn).any()


def test_a_sample_keeps_the_records_in_order() -> None:
    records: Any = [Value(offset, None) for offset in range(1000)]
    kept = [record.offset for record in Selection(0.5).kept(0, records)]
    assert kept == sorted(kept)
    assert kept == np.flatnonzero(sampled(0, range(1000), 0.5)).tolist()
