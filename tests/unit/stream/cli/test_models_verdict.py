"""`leadscore models verdict`, its topics in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from model.bundle import Artefacts
from model.registry import Alias, Registry
from schemas.model_identity import ModelIdentity
from stream.__main__ import main
from testing.made import MADE
from tests.unit.stream.verdict.verdict_topics import VerdictTopics, scored_event
from tests.unit.two_models import TwoModels

COUNT = 20


@pytest.fixture
def registry(two: TwoModels, tmp_path: Path) -> Registry:
    """Version 1 in production, version 2, another file, in shadow."""
    registry = Registry(tmp_path / "models")
    for bundle in (two.before, two.after):
        registry.publish("leads", Artefacts(onnx=bundle.files["model.onnx"]))
    registry.set_alias("leads", Alias.PRODUCTION, "1", MADE)
    registry.set_alias("leads", Alias.SHADOW, "2", MADE)
    return registry


Verdict = Callable[..., Result]


@pytest.fixture
def verdict(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Verdict:
    topics = VerdictTopics()
    topics.install(monkeypatch)
    settings = topics.settings
    for version, topic in (("1", settings.leads_scored), ("2", settings.leads_scored_shadow)):
        model = ModelIdentity("leads", version, registry._hash("leads", version))
        topics.add(topic, *(scored_event(i, 0.1 * int(version), model) for i in range(COUNT)))

    def call(*words: str) -> Result:
        given: Any = {"LEADSCORE_REGISTRY": registry.root}
        return CliRunner().invoke(main, ("models", "verdict", *words), env=given)

    return call


def test_production_and_shadow_are_compared(verdict: Verdict) -> None:
    done = verdict("leads")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("leads/2 against leads/1\n20 leads of leads.created")
    assert "not known yet" in done.output


def test_json_is_one_line(verdict: Verdict) -> None:
    done = verdict("leads", "--json")
    [line] = done.stdout.splitlines()
    said = orjson.loads(line)
    assert (said["live"], said["shadow"], said["decision"]) == ("leads/1", "leads/2", "unknown")
    assert said["counts"]["both"] == COUNT


def test_versions_can_be_named(verdict: Verdict) -> None:
    assert verdict("leads", "--live", "1", "--candidate", "2").exit_code == 0
    swapped = verdict("leads", "--live", "2", "--candidate", "1")
    assert swapped.exit_code == 1
    assert "but there are none" in swapped.output


def test_without_a_candidate_it_says_how_to_name_one(verdict: Verdict, registry: Registry) -> None:
    registry.remove_alias("leads", Alias.SHADOW, MADE)
    done = verdict("leads")
    assert done.exit_code == 2
    assert "leadscore models alias leads shadow VERSION" in done.output


def test_a_version_is_not_compared_with_itself(verdict: Verdict) -> None:
    done = verdict("leads", "--live", "2")
    assert done.exit_code == 2
    assert "expected two models" in done.output
