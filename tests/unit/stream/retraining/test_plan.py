"""A plan keeps the rules that it was made with, and its record survives JSON."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from stream.retraining.plan import RetrainPlan, RetrainRecord, new_id, settings_kept
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan, record

DAY = 86_400_000


def test_the_rules_are_those_of_the_plan_and_addresses_as_given() -> None:
    kept = settings_kept(load_settings(retrain_min_rows=300, outcome_positive=("sold",)))
    own = plan(settings=kept, leads_topic="old.leads").settings_of(
        load_settings(kafka_bootstrap_servers="kafka:9092")
    )
    assert (own.retrain_min_rows, [*own.outcome_positive]) == (300, ["sold"])
    assert (own.leads_created, own.kafka_bootstrap_servers) == ("old.leads", "kafka:9092")


def test_the_cut_has_the_spans_of_the_plan() -> None:
    kept = settings_kept(load_settings(outcome_horizon_days=30, outcome_late_days=2))
    cut = plan(cut_ms=100 * DAY, settings=kept).cut
    assert (cut.last, cut.first) == (68 * DAY, 68 * DAY - 183 * DAY)


def test_the_gate_has_the_limits_of_the_plan() -> None:
    kept = settings_kept(load_settings(retrain_min_auc_gain=0.5))
    assert plan(settings=kept).rules.min_auc_gain == 0.5


@pytest.mark.parametrize("outcome", [None, "passed"])
def test_a_record_survives_json(outcome: str | None) -> None:
    written = record(plan(), outcome)
    assert RetrainRecord.model_validate_json(written.model_dump_json()) == written


def test_an_id_is_valid_and_others_are_refused() -> None:
    assert plan(new_id(NOW)).id.startswith("20261129-090000-")
    with pytest.raises(ValidationError):
        RetrainPlan.model_validate({**plan().model_dump(), "id": "../x"})
