"""A file that lacks fields of the model: a warning for each, and an error where it has none."""

from __future__ import annotations

from typing import Any

import pytest

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.metadata import BundleMetadata
from schemas.errors import InputError
from stream.cli.found_fields import SHOWN, check_found
from tests.unit.small_model import SmallModel


def metadata_of(model: SmallModel, count: int, **changes: Any) -> BundleMetadata:
    """Return the metadata of a model of some number fields."""
    spec = FeatureSpec(fields=tuple(NumberField(name=f"x{i}") for i in range(count)))
    return model.bundle.metadata.model_copy(update={"spec": spec, **changes})


def said(metadata: BundleMetadata, *found: str) -> list[str]:
    sentences: list[str] = []
    check_found(metadata, found, "leads.csv", "column", sentences.append)
    return sentences


def test_there_is_no_warning_where_all_fields_are_there(model: SmallModel) -> None:
    assert said(metadata_of(model, 2), "x0", "x1") == []


def test_each_missing_field_is_named(model: SmallModel) -> None:
    assert said(metadata_of(model, 3), "x0", "x2") == [
        "leads.csv has no column x1: it counts as missing"
    ]


def test_the_first_of_many_missing_fields_are_named_and_the_rest_counted(
    model: SmallModel,
) -> None:
    found = [f"x{i}" for i in range(15)]
    sentences = said(metadata_of(model, 30), *found)
    assert len(sentences) == SHOWN + 1
    assert sentences[-1] == "leads.csv lacks 7 more fields: they count as missing"


def test_few_fields_make_the_scores_unreliable(model: SmallModel) -> None:
    assert said(metadata_of(model, 3), "x0")[-1].startswith(
        "leads.csv: only 1 of the model's 3 fields were found: the scores are unreliable."
    )


def test_fields_of_little_importance_make_the_scores_unreliable(model: SmallModel) -> None:
    importance = {"x0": 0.1, "x1": 0.2, "x2": 0.7}
    sentences = said(metadata_of(model, 3, importance=importance), "x0", "x1")
    assert "with 30% of the importance" in sentences[-1]
    assert len(said(metadata_of(model, 3, importance=importance), "x1", "x2")) == 1


def test_a_file_without_any_field_is_refused_with_their_names(model: SmallModel) -> None:
    with pytest.raises(InputError, match=r"leads\.csv has none of the model's fields \(x0, x1\)"):
        said(metadata_of(model, 2))
