"""The scorer of a bundle keeps to the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.lead_grades import grade_in
from agents.lead_segments import MISSING, segments_of
from agents.scoring import Scorer
from model.serving.predictor import open_predictor
from stream.scoring.bundle_scorer import CONSTANT_MODEL, constant_scorer, scorer_of
from stream.settings import Settings, load_settings
from tests.unit.agents.test_scoring import Record, events, lead, records, score
from tests.unit.small_model import SmallModel


def settings_of(model: SmallModel, **given: Any) -> Settings:
    return load_settings(registry=str(model.registry), output_format="json", **given)


def scorer_with(model: SmallModel, settings: Settings, *, reasons: bool = True) -> Scorer:
    predictor = open_predictor(model.bundle, reasons=reasons)
    return scorer_of(model.bundle, predictor, settings, topic="leads.created")


def test_without_reasons_events_have_none(model: SmallModel) -> None:
    scorer = scorer_with(model, settings_of(model), reasons=False)
    found = events(score(scorer, records(model.values())))
    assert {len(event["reasons"]) for event in found} == {0}


def test_the_settings_rule_over_little_known_leads(model: SmallModel) -> None:
    settings = settings_of(model, min_coverage=1.0, low_coverage="refuse")
    scorer = scorer_with(model, settings)
    few = b'{"lead_id": "few", "created_at": 1700000000000, "page_views": 2}'
    batch = score(scorer, [Record(0, lead()), Record(1, few)])
    assert batch.positions == [0]
    assert batch.codes.keys() == {"FEATURES"}


def test_an_event_above_the_limit_is_a_dead_letter(model: SmallModel) -> None:
    scorer = scorer_with(model, settings_of(model, max_event_bytes=100))
    batch = score(scorer, [Record(0, lead(summary="x" * 100))])
    assert batch.codes.keys() == {"TOO_LARGE"}


def test_leads_of_the_models_own_contract_are_known(model: SmallModel, tmp_path: Path) -> None:
    """Its schema is in no folder: it comes with the bundle."""
    settings = load_settings(registry=str(model.registry), schema_dir=tmp_path)
    scorer = scorer_with(model, settings)
    assert not score(scorer, records(model.values())).dead_letters


def test_scored_events_have_the_segments_of_their_leads_if_the_settings_name_fields(
    model: SmallModel,
) -> None:
    plain = scorer_with(model, settings_of(model))
    settings = settings_of(model, outcome_segments="country,page_views:2:5")
    scorer = scorer_with(model, settings)
    assert scorer.headers == plain.headers + 2
    given = records([lead(country="NL"), b"{", lead(page_views=9)])
    found = [headers for _, _, headers in score(scorer, given).scored]
    assert [segments_of(headers) for headers in found] == [
        (("country", "NL"), ("page_views", "2 to 5")),
        (("country", MISSING), ("page_views", "5 and over")),
    ]
    assert all(len(headers) == scorer.headers for headers in found)
    without = [headers for _, _, headers in score(plain, given).scored]
    assert [headers[: plain.headers] for headers in found] == without
    assert events(score(scorer, given)) == events(score(plain, given))


def test_scored_events_have_the_grades_of_their_leads_beside_segments_if_rules_are_set(
    model: SmallModel, tmp_path: Path
) -> None:
    rules = tmp_path / "sales.toml"
    rules.write_text(
        "[fit]\nleast = [70, 40, 20]\n"
        'points = [{ field = "page_views", at_least = 5, points = 50 }]\n'
    )
    plain = scorer_with(model, settings_of(model))
    settings = settings_of(model, grade_rules=rules, outcome_segments="country")
    scorer = scorer_with(model, settings)
    assert scorer.headers == plain.headers + 2
    given = records([lead(country="NL", page_views=9), b"{", lead(country="DE", page_views=1)])
    found = [headers for _, _, headers in score(scorer, given).scored]
    assert [(segments_of(headers), grade_in(headers)) for headers in found] == [
        ((("country", "NL"),), "B"),
        ((("country", "DE"),), "D"),
    ]
    assert all(len(headers) == scorer.headers for headers in found)
    assert events(score(scorer, given)) == events(score(plain, given))


def test_an_event_names_the_topic_that_its_scorer_was_made_for(model: SmallModel) -> None:
    predictor = open_predictor(model.bundle)
    scorer = scorer_of(model.bundle, predictor, settings_of(model), topic="elsewhere")
    [event] = events(score(scorer, [Record(0, lead())]))
    assert event["source"]["topic"] == "elsewhere"


def test_without_drift_no_lead_is_counted(model: SmallModel) -> None:
    assert scorer_with(model, settings_of(model)).counting is not None
    assert scorer_with(model, settings_of(model, drift=False)).counting is None


def test_scorers_of_one_bundle_read_records_alike_and_the_constant_like_none(
    model: SmallModel,
) -> None:
    one, other = (scorer_with(model, settings_of(model)) for _ in range(2))
    assert one.decodes_like(other)
    assert not constant_scorer(settings_of(model), None).decodes_like(one)


def test_the_constant_scorer_names_itself_in_each_event(model: SmallModel) -> None:
    [event] = events(score(constant_scorer(settings_of(model), None), [Record(0, lead())]))
    assert (event["model_id"], event["model_sha256"]) == (CONSTANT_MODEL.id, CONSTANT_MODEL.sha256)
    assert event["score"] == 0.5
