"""A person approves a candidate: unless the verdict is against it, or something is in its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Artefacts
from model.registry import Alias, Registry
from schemas.errors import FatalError, InputError
from schemas.model_identity import ModelIdentity
from stream.cli.retrain_approval import Approval, approve_candidate
from stream.retraining.plan import RetrainAccount, RetrainRecord
from stream.settings import load_settings
from testing.made import MADE
from tests.unit.stream.retraining.records import NOW, plan
from tests.unit.stream.verdict.verdict_topics import VerdictTopics, scored_event
from tests.unit.two_models import TwoModels

COUNT = 20
Approve = Callable[..., Approval]


@pytest.fixture
def registry(two: TwoModels, tmp_path: Path) -> Registry:
    """Version 1 in production, version 2 in shadow."""
    registry = Registry(tmp_path / "models")
    for bundle in (two.before, two.after):
        registry.publish("leads", Artefacts(onnx=bundle.files["model.onnx"]))
    for alias, version in ((Alias.PRODUCTION, "1"), (Alias.STAGING, "2"), (Alias.SHADOW, "2")):
        registry.set_alias("leads", alias, version, MADE)
    return registry


@pytest.fixture
def topics(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> VerdictTopics:
    """Leads that both have scored, without outcomes, in the future of the registry's clock."""
    topics = VerdictTopics()
    topics.install(monkeypatch)
    at = 1 << 42
    settings = topics.settings
    for version, topic in (("1", settings.leads_scored), ("2", settings.leads_scored_shadow)):
        model = ModelIdentity("leads", version, registry._hash("leads", version))
        topics.add(topic, *(scored_event(i, 0.1, model, at=at + i) for i in range(COUNT)))
    return topics


@pytest.fixture
def approve(registry: Registry, topics: VerdictTopics) -> Approve:
    settings = load_settings(registry=registry.root, model="leads")

    def call(outcome: str | None = "passed", **given: Any) -> Approval:
        account = None
        if outcome is not None:
            account = RetrainAccount.model_validate(
                {"outcome": outcome, "sentence": "AUC so.", "version": "2"}
            )
        own = plan(model="leads", production="1")
        record = RetrainRecord(state="ended", plan=own, account=account, written_at=NOW)
        return approve_candidate(settings, record, by="anna", **{"why": "", **given})

    return call


def test_it_is_the_canary_with_who_why_and_the_verdict(approve: Approve) -> None:
    found = approve(why="good in shadow")
    assert found.entry is not None
    assert (found.entry.by, found.entry.alias, found.entry.to) == ("anna", Alias.CANARY, "2")
    why = "good in shadow; retraining r1 approved: Better with 95 %: not known yet"
    assert found.entry.why.startswith(why)


def test_a_dry_run_changes_nothing(approve: Approve, registry: Registry) -> None:
    found = approve(is_dry_run=True)
    assert (found.entry, found.version) == (None, "2")
    assert Alias.CANARY not in registry.aliases("leads")


def test_leads_that_it_can_not_score_are_against_it_unless_forced(
    approve: Approve, topics: VerdictTopics, registry: Registry
) -> None:
    shadow = next(at for at in topics.records if at.topic == topics.settings.leads_scored_shadow)
    del topics.records[shadow][5]
    topics.add_dead_letter(topics.settings.leads_scored_shadow_dlq, 5)
    for at, records in topics.records.items():
        if at.topic.endswith(".dlq"):
            records[:] = [
                record.__class__(record.value, 1 << 42, record.headers) for record in records
            ]
    with pytest.raises(FatalError, match="it can't score 1 of 20 leads"):
        approve()
    found = approve(ignores_verdict=True)
    assert found.entry is not None
    assert found.entry.why == "retraining r1 approved without a verdict"


def test_without_a_lead_that_both_have_scored_there_is_no_approval(
    approve: Approve, topics: VerdictTopics
) -> None:
    topics.records.clear()
    with pytest.raises(FatalError, match="leadscore worker --role shadow"):
        approve()


@pytest.mark.parametrize(
    ("outcome", "words"), [(None, "has not ended"), ("rejected", "passed the gate, but .* AUC so")]
)
def test_only_a_candidate_that_passed_is_approved(
    approve: Approve, outcome: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        approve(outcome)


def test_one_whose_place_another_has_taken_is_refused(approve: Approve, registry: Registry) -> None:
    registry.remove_alias("leads", Alias.SHADOW, MADE)
    with pytest.raises(InputError, match="not the shadow any more, no version is"):
        approve()


def test_it_is_approved_once(approve: Approve) -> None:
    approve()
    with pytest.raises(InputError, match="it is the canary: 10 % for 1 day"):
        approve()
