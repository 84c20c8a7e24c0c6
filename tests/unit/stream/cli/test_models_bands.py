"""`leadscore models bands`: a new version with new thresholds, once it is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from model.registry import Alias, Registry
from stream.cli import models_bands
from stream.cli.models import models
from stream.outcomes.score_sample import ScoreSample
from tests.unit.small_model import NAME, SmallModel

Run = Callable[..., Result]
SCORES = np.linspace(0, 1, 1001)


@pytest.fixture
def registry(model: SmallModel, tmp_path: Path) -> Registry:
    copytree(model.registry, tmp_path / "models")
    return Registry(tmp_path / "models")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []

    async def read(_: Any, sha256s: Any, since_ms: int, *, now_ms: int) -> ScoreSample:
        found.append((sha256s, now_ms - since_ms))
        return ScoreSample(SCORES, 10.0, {0: (0, 1001)})

    monkeypatch.setattr(models_bands, "read_score_sample", read)
    return found


@pytest.fixture
def leadscore(registry: Registry, asked: list[Any]) -> Run:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            models, ["bands", NAME, *arguments, "--registry", registry.root, "--by", "anna"]
        )

    return run


def test_scores_of_less_than_a_day_are_a_warning(
    leadscore: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leadscore("--high", "5/day", "--dry-run").stderr == ""

    async def read(*_: Any, **__: Any) -> ScoreSample:
        return ScoreSample(SCORES, 0.5, {0: (0, 1001)})

    monkeypatch.setattr(models_bands, "read_score_sample", read)
    done = leadscore("--high", "5/day", "--dry-run")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: the scores span 12 h: leads a day are estimated")


def test_the_bands_follow_the_capacity_by_a_version_in_production(
    leadscore: Run, registry: Registry, model: SmallModel, asked: list[Any]
) -> None:
    done = leadscore("--high", "5/day", "--since", "2d", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["leads_a_day"]["High"] == 5
    assert asked == [({model.bundle.sha256}, 2 * 86_400_000)]
    assert registry.aliases(NAME)[Alias.PRODUCTION] == said["version"] == "2"
    [entry] = registry.history(NAME)
    assert entry.by == "anna"
    assert "High from 0.951, before 0.7" in entry.why

    again = leadscore("--high", "5/day")
    assert "nothing is changed" in again.stdout
    assert registry.versions(NAME) == ["1", "2"]
    assert len(asked[-1][0]) == 2, "scores of the same trees count, too"


def test_a_dry_run_changes_nothing(leadscore: Run, registry: Registry) -> None:
    done = leadscore("--high", "5/day", "--medium", "20", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "to 0.951 (5.0 leads a day)" in done.stdout
    assert registry.versions(NAME) == ["1"]
    assert not registry.history(NAME)


def test_scores_of_less_than_a_day_show_their_span(
    leadscore: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(*_: Any, **__: Any) -> ScoreSample:
        return ScoreSample(SCORES, 0.01, {0: (0, 1001)})

    monkeypatch.setattr(models_bands, "read_score_sample", read)
    shown = leadscore("--high", "5000/day", "--dry-run").stdout
    assert "1,001 leads in 14.4 min" in shown
    assert "(5,000.0 leads a day)" in shown


def test_a_canary_comes_first(leadscore: Run, registry: Registry) -> None:
    assert leadscore("--high", "5/day").exit_code == 0
    start = ["canary", "start", f"{NAME}/1", "--registry", registry.root]
    started = CliRunner().invoke(models, start)
    assert started.exit_code == 0, started.output
    refused = leadscore("--high", "9/day")
    assert refused.exit_code == 2
    assert "expected no canary beside production" in refused.output


@pytest.mark.parametrize("given", ["0/day", "fifty", "50/week"])
def test_a_capacity_that_is_none_is_refused(leadscore: Run, given: str) -> None:
    refused = leadscore("--high", given)
    assert refused.exit_code == 2
    assert "50/day" in refused.output
