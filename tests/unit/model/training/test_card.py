"""The card's sentences on what a bundle holds of persons."""

from __future__ import annotations

from typing import Any

from features.field_spec import CategoryField, TextField
from features.spec import FeatureSpec
from model.label_counts import LabelCounts
from model.metadata import BundleMetadata
from model.training.card import personal_content
from tests.unit.small_model import SmallModel


def metadata(model: SmallModel, least: int = 5, **changes: Any) -> BundleMetadata:
    known = model.bundle.metadata
    training = known.training.model_copy(update={"least_leads": least})
    return known.model_copy(update={"training": training, **changes})


def sentence(sentences: tuple[str, ...], start: str) -> str:
    [found] = [sentence for sentence in sentences if sentence.startswith(start)]
    return found


def test_levels_and_keywords_are_listed_by_field(model: SmallModel) -> None:
    said = personal_content(metadata(model))
    levels = sentence(said, "Levels in words")
    assert "each of at least 5 leads" in levels
    assert "industry (3), job_title (2)" in levels
    assert sentence(said, "Keywords of texts").startswith("Keywords of texts: summary (price).")


def test_a_bundle_of_before_keeps_whole_leads_and_says_to_delete_it(model: SmallModel) -> None:
    said = personal_content(metadata(model, least=0))
    assert "delete this one" in sentence(said, "reference.parquet: up to 10,000 whole leads")
    assert "however rare" in sentence(said, "Levels in words")


def test_numbers_that_are_kept_exactly_are_counted(model: SmallModel) -> None:
    said = sentence(personal_content(metadata(model)), "Golden rows")
    assert "of 32 leads as numbers" in said
    assert "extremes of 2 number fields, the earliest and the latest time of 1 date field:" in said
    reference = model.bundle.metadata.reference
    exact = sum(len(bins.exact) for bins in (*reference.fields, *reference.aspects))
    assert said.endswith(f"exactly: {exact:,}.")


def test_a_model_without_categories_and_texts_has_no_sentence_on_words(model: SmallModel) -> None:
    spec = FeatureSpec(
        fields=tuple(
            field
            for field in model.bundle.metadata.spec.fields
            if not isinstance(field, CategoryField | TextField)
        )
    )
    said = personal_content(metadata(model, spec=spec))
    assert not any(start.startswith(("Levels", "Keywords")) for start in said)


def test_values_of_the_target_are_counted_where_the_model_keeps_them(model: SmallModel) -> None:
    known = metadata(model)
    assert not any(start.startswith("Values") for start in personal_content(known))
    labels = LabelCounts(success={"won": 3}, failure={"lost": 4}, ignored={"open": 1})
    training = known.training.model_copy(update={"labels": labels})
    said = personal_content(known.model_copy(update={"training": training}))
    assert sentence(said, "Values of the target won").endswith("numbers of rows: 3.")


def test_segments_with_figures_are_counted(model: SmallModel) -> None:
    assert not any("segments" in one for one in personal_content(metadata(model)))
    said = personal_content(metadata(model, metrics={"segments": [{"leads": 40}, {"leads": 31}]}))
    assert "of 2 segments, each of at least 30 leads" in sentence(said, "Conversion")
