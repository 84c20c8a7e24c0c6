"""The model that a reference means, by name or by hash."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from model.registry import ModelNotFoundError, Registry
from schemas.errors import InputError, StartupError
from stream.replay import launch as module
from stream.replay.launch import Wanted, find_model, make_plan
from stream.replay.ranges import BEGINNING, END, AtOffset
from stream.settings import Settings, load_settings
from tests.unit.small_model import NAME, SmallModel


@pytest.mark.parametrize("digits", [12, 40, 64])
def test_a_model_is_found_by_the_first_digits_of_its_hash(model: SmallModel, digits: int) -> None:
    registry = Registry(model.registry)
    given = model.bundle.sha256[:digits]
    for reference in (given, given.upper()):
        assert find_model(registry, reference) == model.bundle.identity


def test_a_model_is_found_by_name_and_version(model: SmallModel) -> None:
    registry = Registry(model.registry)
    for reference in (NAME, f"{NAME}/{model.bundle.version}"):
        assert find_model(registry, reference) == model.bundle.identity


def test_a_hash_that_no_model_has_is_refused(model: SmallModel) -> None:
    with pytest.raises(ModelNotFoundError, match="SHA-256"):
        find_model(Registry(model.registry), "0" * 64)


def test_a_damaged_manifest_hides_no_other_model(model: SmallModel, tmp_path: Path) -> None:
    copytree(model.registry, tmp_path / "models")
    damaged = tmp_path / "models" / NAME / "2"
    copytree(tmp_path / "models" / NAME / model.bundle.version, damaged)
    (damaged / "manifest.json").write_text("{")
    found = find_model(Registry(tmp_path / "models"), model.bundle.sha256)
    assert found == model.bundle.identity


def test_finding_a_model_opens_it_in_no_engine(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.bundle.verify", None)
    registry = Registry(model.registry)
    for reference in (NAME, model.bundle.sha256):
        assert find_model(registry, reference) == model.bundle.identity


@pytest.mark.parametrize(
    "wanted",
    [{"filters": [("country", "DE")]}, {"sample": 0.5}, {"archive": "archive"}],
    ids=["filter", "sample", "archive"],
)
async def test_counts_for_drift_are_of_all_leads_of_the_topic(wanted: Any) -> None:
    settings = load_settings()
    asked = Wanted(BEGINNING, END, "m", "leads", counts_drift=True, **wanted)
    with pytest.raises(InputError, match="without --filter, --sample and --archive"):
        await make_plan(settings, asked, datetime.now(UTC))


def with_topics(patch: pytest.MonkeyPatch, **counts: int) -> None:
    """Install a Kafka that has these topics, and one model."""

    async def partition_counts(*_: object) -> dict[str, int]:
        return {name.replace("_", "."): count for name, count in counts.items()}

    async def ranges(*_: object) -> tuple[()]:
        return ()

    patch.setattr(module, "partition_counts", partition_counts)
    patch.setattr(module, "find_model", lambda *_: None)
    patch.setattr(module, "_ranges", ranges)


@pytest.mark.parametrize(
    "out", ["leads.scored", "leads.replays", "leads.outcomes", "leads.created", "other"]
)
async def test_no_topic_of_leadscore_is_the_output(
    out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events of a leads topic with one partition could be written into the log of plans."""
    with_topics(monkeypatch, leads_created=1, leads_replays=1, other=1)
    asked = Wanted(BEGINNING, END, "m", "other" if out == "other" else "leads.created", out=out)
    with pytest.raises(InputError, match=rf"--out {out}: .* LeadScore uses that one"):
        await make_plan(Settings(), asked, datetime.now(UTC))


async def test_a_range_without_records_is_refused_as_it_was_understood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A date without hyphens is an offset."""
    with_topics(monkeypatch, leads_created=1, leads_replays=1)
    asked = Wanted(AtOffset(20260531), END, "m", "leads.created")
    with pytest.raises(InputError, match=r"from offset 20260531 to the end, but .* hyphens"):
        await make_plan(Settings(), asked, datetime.now(UTC))


async def test_a_topic_that_is_missing_is_named_with_the_command_that_creates_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_topics(monkeypatch, leads_replays=1)
    asked = Wanted(BEGINNING, END, "m", "leads.created")
    with pytest.raises(StartupError, match=r"leads\.created.*leadscore topics create.*--topic"):
        await make_plan(Settings(), asked, datetime.now(UTC))
