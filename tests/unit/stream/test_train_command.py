"""`leadscore train`: exit codes, the report, and no bundle unless all is well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from model.bundle import load_bundle
from model.registry import Registry
from stream.commands.train import train


def leads(path: Path, n: int = 300, separator: str = ",") -> Path:
    rng = np.random.default_rng(1)
    lines = [separator.join(["id", "size", "source", "won"])]
    for i in range(n):
        size = rng.normal()
        won = "yes" if rng.random() < 1 / (1 + np.exp(-2 * size)) else "no"
        lines.append(separator.join([f"L{i}", f"{size:.3f}", "ab"[i % 2], won]))
    path.write_text("\n".join(lines))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


def test_a_model_comes_into_the_registry(tmp_path: Path):
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--id", "id", "--registry", registry, "--name", "small")
    assert result.exit_code == 0, result.output
    assert "Model small version 1 is in" in result.stdout
    assert "AUC" in result.stdout
    assert "the lead's id (--id)" in result.stdout
    assert "300 rows are few" in result.stdout.replace("\n", " ")
    bundle = load_bundle(Registry(registry).resolve("small"))
    assert list(bundle.metadata.spec.kinds) == ["size", "source"]
    assert bundle.metadata.contract["name"] == "small_lead"


def test_thresholds_schema_and_exclude(tmp_path: Path):
    file, registry = leads(tmp_path / "leads.csv", separator="|"), tmp_path / "models"
    contract = tmp_path / "lead.avsc"
    contract.write_text(
        '{"type": "record", "name": "lead", "fields": [{"name": "lead_id", "type": "string"},'
        '{"name": "created_at", "type": "long"}, {"name": "size", "type": "double"},'
        '{"name": "source", "type": "string"}]}'
    )
    arguments = ("--schema", contract, "--exclude", "source", "--high", "0.8", "--medium", "0.2")
    arguments += ("--engagement", "0.02-0.1")
    result = run(file, "--target", "won", "--registry", registry, *arguments)
    assert result.exit_code == 0, result.output
    metadata = load_bundle(Registry(registry).resolve("leads")).metadata
    assert (metadata.thresholds.high, metadata.thresholds.medium) == (0.8, 0.2)
    assert (metadata.engagement.low, metadata.engagement.high) == (0.02, 0.1)
    assert list(metadata.spec.kinds) == ["size"]
    assert metadata.training.dropped["id"] == "not in the contract"


UNUSABLE = {
    "no file": (["absent.csv", "--target", "won"], "there is no file"),
    "a folder": ([".", "--target", "won"], "is a folder"),
    "no column": (["leads.csv", "--target", "wonn"], "Did you mean 'won'?"),
    "no text column": (["leads.csv", "--target", "won", "--text", "x"], "no column 'x' (--text)"),
    "no value": (["leads.csv", "--target", "won", "--positive", "x"], "no value 'x'"),
    "two orders": (["leads.csv", "--target", "won", "--ordered", "--time", "id"], "exclude each"),
    "an encoding": (["leads.csv", "--target", "won", "--encoding", "x"], "no encoding 'x'"),
    "thresholds": (["leads.csv", "--target", "won", "--high", "0.2"], "is above --high 0.2"),
    "one number": (["leads.csv", "--target", "won", "--engagement", "0.3"], "such as 0.15-0.40"),
    "no numbers": (["leads.csv", "--target", "won", "--engagement", "a-b"], "--engagement 'a-b'"),
    "a range": (["leads.csv", "--target", "won", "--engagement", "0.4-0.2"], "lower one first"),
    "percents": (["leads.csv", "--target", "won", "--engagement", "5-15"], "from 0 to 1"),
    "no schema": (["leads.csv", "--target", "won", "--schema", "x.avsc"], "x.avsc"),
    "a name": (["leads.csv", "--target", "won", "--name", "a/b"], "--name"),
    "no target": (["leads.csv"], "--target"),
    "a strange option": (["leads.csv", "--target", "won", "--seed", "x"], "--seed"),
    "an image": (["image.csv", "--target", "won"], "binary data"),
    "ragged": (["ragged.csv", "--target", "won"], "is ragged: line 2"),
    "empty": (["empty.csv", "--target", "won"], "is empty"),
    "too few": (["few.csv", "--target", "won"], "at least 40 of each"),
}


@pytest.mark.parametrize(("arguments", "says"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_input_is_exit_code_2_and_a_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    leads(tmp_path / "leads.csv")
    leads(tmp_path / "few.csv", 60)
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    (tmp_path / "ragged.csv").write_text("won,a\nyes\n")
    (tmp_path / "empty.csv").write_text("")
    result = run(*arguments, "--registry", "models")
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "models").exists()


def test_a_failed_check_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("model.train.parity", lambda *_: 1.0)
    registry = tmp_path / "models"
    result = run(leads(tmp_path / "leads.csv"), "--target", "won", "--registry", registry)
    assert result.exit_code == 1
    assert "there is no bundle" in result.stderr
    assert not registry.exists()
