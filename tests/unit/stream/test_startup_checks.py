"""Start-up checks of a worker: each failure is one sentence with a remedy."""

from __future__ import annotations

import shutil
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from model.bundle import BundleError
from schemas.errors import StartupError
from stream import startup_checks as verification
from stream.settings import Settings, load_settings
from stream.startup_checks import verify
from testing.fake_app import FakeTrials
from tests.unit.small_model import SmallModel


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Kafka has all topics; which settings it was asked with."""
    asked: list[Settings] = []

    async def fit(settings: Settings) -> None:
        asked.append(settings)

    monkeypatch.setattr(verification, "verify_topics", fit)
    return asked


def settings_of(model: SmallModel, **given: Any) -> Settings:
    return load_settings(registry=str(model.registry), http_host="127.0.0.1", http_port=0, **given)


async def sentence(settings: Settings) -> str:
    with pytest.raises(StartupError) as refused:
        await verify(settings, FakeTrials())
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_a_port_file_that_cannot_be_written_is_named(
    model: SmallModel, tmp_path: Path
) -> None:
    file = tmp_path / "absent" / "port"
    said = await sentence(settings_of(model, http_port_file=file))
    assert said.startswith(f"expected to write the port of health and metrics to {file}, but ")
    assert "set LEADSCORE_HTTP_PORT_FILE" in said


async def test_the_port_file_is_left_as_it_was(model: SmallModel, tmp_path: Path) -> None:
    await verify(settings_of(model, http_port_file=tmp_path / "port"), FakeTrials())
    assert not (tmp_path / "port").exists()
    (tmp_path / "port").write_text("8080\n")
    await verify(settings_of(model, http_port_file=tmp_path / "port"), FakeTrials())
    assert (tmp_path / "port").read_text() == "8080\n"


async def test_all_is_well(model: SmallModel, topics: list[Settings]) -> None:
    settings = settings_of(model)
    await verify(settings, FakeTrials())
    assert topics == [settings]


async def test_a_worker_may_wait_for_its_model(tmp_path: Path, topics: list[Settings]) -> None:
    settings = load_settings(registry=str(tmp_path), http_host="127.0.0.1", http_port=0)
    await verify(settings, FakeTrials())
    assert topics


async def test_a_missing_folder_of_schemas_is_named(model: SmallModel, tmp_path: Path) -> None:
    said = await sentence(settings_of(model, schema_dir=tmp_path / "absent"))
    assert str(tmp_path / "absent") in said
    assert "LEADSCORE_SCHEMA_DIR" in said


async def test_a_broken_schema_is_named(model: SmallModel, tmp_path: Path) -> None:
    (tmp_path / "lead.avsc").write_text("{")
    assert "lead.avsc: expected an Avro schema as JSON" in await sentence(
        settings_of(model, schema_dir=tmp_path)
    )


@pytest.mark.parametrize("file", ["aliases.json", "1/manifest.json", "1/model.onnx"])
async def test_a_model_that_is_half_copied_is_waited_for(
    model: SmallModel, tmp_path: Path, file: str, topics: list[Settings]
) -> None:
    registry = shutil.copytree(model.registry, tmp_path / "models")
    (registry / "leads" / file).write_text("{")
    settings = load_settings(registry=str(registry), http_host="127.0.0.1", http_port=0)
    await verify(settings, FakeTrials())
    assert topics == [settings]


async def test_a_model_that_is_refused_is_no_end_of_a_worker(
    model: SmallModel, topics: list[Settings]
) -> None:
    trials = FakeTrials(BundleError("it aborts"))
    await verify(settings_of(model), trials)
    assert trials.tried == 1
    assert topics


async def test_other_failures_end_the_trial(
    model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unfit(_: Settings) -> None:
        raise StartupError("expected the topic leads.created, but it does not exist")

    monkeypatch.setattr(verification, "verify_topics", unfit)
    trials = FakeTrials()
    with pytest.raises(StartupError, match="does not exist"):
        await verify(settings_of(model, contract="bank_contact"), trials)
    assert trials.is_stopped


async def test_a_drift_worker_tries_no_model(model: SmallModel) -> None:
    trials = FakeTrials()
    await verify(settings_of(model, role="drift"), trials)
    assert trials.tried == 0


async def test_a_contract_without_the_models_fields_is_refused(model: SmallModel) -> None:
    said = await sentence(settings_of(model, contract="bank_contact"))
    assert said.startswith("model leads/1 reads fields that the contract ")
    assert "page_views" in said
    assert said.endswith(
        "train the model with --schema, or name another contract in LEADSCORE_CONTRACT"
    )


async def test_a_contract_that_is_not_known_is_named_with_the_known_ones(model: SmallModel) -> None:
    said = await sentence(settings_of(model, contract="nobody"))
    assert "LEADSCORE_CONTRACT names nobody, which is not known here (known: " in said
    assert "lead_created" in said


async def test_a_contract_that_is_no_leads_is_refused(model: SmallModel, tmp_path: Path) -> None:
    (tmp_path / "visit.avsc").write_text(
        '{"type": "record", "name": "visit", "fields": [{"name": "page_views", "type": "int"}]}'
    )
    said = await sentence(settings_of(model, schema_dir=tmp_path, contract="visit"))
    assert "visit.avsc: a lead's schema needs a field lead_id of type string" in said


async def test_a_missing_topic_is_named(model: SmallModel, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unfit(_: Settings) -> None:
        raise StartupError("expected the topic leads.created, but it does not exist")

    monkeypatch.setattr(verification, "verify_topics", unfit)
    assert (
        await sentence(settings_of(model))
        == "expected the topic leads.created, but it does not exist"
    )


async def test_a_port_that_is_taken_is_named(model: SmallModel) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = load_settings(
            registry=str(model.registry), http_host="127.0.0.1", http_port=port
        )
        assert str(port) in await sentence(settings)


async def test_an_archive_worker_needs_a_folder_that_it_may_write(
    model: SmallModel, tmp_path: Path
) -> None:
    trials = FakeTrials()
    await verify(settings_of(model, role="archive", archive=tmp_path / "archive"), trials)
    assert (tmp_path / "archive").is_dir()
    assert trials.tried == 0
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="LEADSCORE_ARCHIVE"):
        await verify(settings_of(model, role="archive", archive=tmp_path / "file" / "x"), trials)
