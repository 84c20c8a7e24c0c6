from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.alias import Alias
from model.alias_entry import Action, next_entry
from model.bundle import Artefacts, Bundle, load_bundle
from model.registry import Registry
from stream.model_card.card import Bars, Card, Curve, Section, Table
from stream.model_card.content import NOT_RECORDED, card_of
from testing.made import MADE
from tests.unit.stream.model_card.card_bundles import HOSTILE, with_metrics


@pytest.fixture
def bundle(tmp_path: Path, artefacts: Artefacts) -> Bundle:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    return load_bundle(registry.resolve("bank/1"), None)


@pytest.fixture
def card(bundle: Bundle) -> Card:
    first = next_entry(None, Action.SET, MADE, alias=Alias.PRODUCTION, to="1")
    other = next_entry(first, Action.SET, MADE, alias=Alias.STAGING, to="7")
    return card_of(with_metrics(bundle), ["production"], [first, other], is_archived=False)


def section(card: Card, title: str) -> Section:
    return next(section for section in card.sections if section.title == title)


def rows(card: Card, title: str) -> dict[str, tuple[str, ...]]:
    tables = [part for part in section(card, title).parts if isinstance(part, Table)]
    return {name: tuple(cells) for table in tables for name, *cells in table.rows}


def test_it_says_where_the_model_stands_and_whether_it_is_any_good(
    card: Card, bundle: Bundle
) -> None:
    assert card.title == "bank version 1"
    assert card.facts[0].startswith("production; published ")
    assert card.facts[1] == f"sha256 {bundle.sha256}"
    assert card.answers[0].startswith("Better than giving everyone the base rate")


def test_an_archived_version_is_called_so(bundle: Bundle) -> None:
    card = card_of(replace(bundle, published=None), [], [], is_archived=True)
    assert card.facts[0] == "archived; time of publication unknown"


def test_it_has_the_data_window_the_counts_and_what_they_suffice_for(card: Card) -> None:
    found = rows(card, "Training data")
    assert found["Window"] == ("leads created from 2024-01-03 to 2024-12-30",)
    assert found["Leads"] == ("4,096",)
    [sentence] = section(card, "Training data").sentences
    assert "requires 40 positives and 40 negatives; there are" in sentence
    assert "the AUC is known to within ±0.030 (95 %)" in sentence


def test_it_has_the_figures_of_leads_that_the_model_has_not_seen(card: Card) -> None:
    assert rows(card, "Quality")["AUC"] == ("0.829",)


def test_calibration_is_a_point_a_tenth_and_lift_sums_up_to_all_positives(card: Card) -> None:
    [curve] = section(card, "Calibration").parts
    assert isinstance(curve, Curve)
    assert [point.score for point in curve.points] == sorted(point.score for point in curve.points)
    [bars] = section(card, "Lift").parts
    assert isinstance(bars, Bars)
    assert bars.rows[0][0] == "best tenth"
    assert bars.rows[-1][2].endswith("(100% so far)")
    assert sum(lift for _, lift, _ in bars.rows) == pytest.approx(10)


def test_it_has_bands_importance_and_segments(card: Card) -> None:
    assert rows(card, "Bands")["High"][1:] == ("100", "10.0%", "80.0%", "2.40")
    assert rows(card, "Bands")["Low"][1] == "–"
    bars = section(card, "Fields").parts[0]
    assert isinstance(bars, Bars)
    assert bars.rows[0] == ("page_views", 0.5, "50.0%")
    assert rows(card, "Segments")["retail"] == ("60", "25.0%", "30.0%", "0.810")
    assert rows(card, "Segments")[HOSTILE][-1] == "–"


def test_its_limits_have_the_warnings_and_what_the_bundle_holds_of_persons(card: Card) -> None:
    sentences = section(card, "Limits").sentences
    assert f"Warning: {HOSTILE}" in sentences
    assert any("reference.parquet" in sentence for sentence in sentences)
    assert rows(card, "Limits")[HOSTILE] == ("constant",)


def test_its_history_is_that_of_the_version_alone(card: Card) -> None:
    [table] = section(card, "History").parts
    assert isinstance(table, Table)
    assert [row[1:] for row in table.rows] == [("production none → 1", MADE.by, MADE.why)]


def test_a_model_of_an_earlier_release_says_what_it_does_not_know(bundle: Bundle) -> None:
    metadata = bundle.metadata.model_copy(update={"metrics": {}, "importance": {}})
    card = card_of(replace(bundle, metadata=metadata), [], [], is_archived=False)
    for title in ("Quality", "Calibration", "Lift", "Segments"):
        assert NOT_RECORDED in section(card, title).sentences
        assert section(card, title).parts == ()
    assert rows(card, "Training data")["Window"][0].startswith("not known")
    assert section(card, "History").sentences == ("No alias has named this version.",)
