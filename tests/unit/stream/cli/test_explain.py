"""`leadscore explain`: which lead an argument means, exit codes, and the two forms of output."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result

from schemas.errors import ErrorCode
from schemas.record_codec import RecordCodec
from stream.cli.explain import explain
from stream.settings import Settings
from testing.dead_letters import dead_letter
from tests.unit.small_model import SmallModel
from tests.unit.stream.explanation.scored_leads import SCORED_AT, emit, records_of, send
from tests.unit.stream.fake_topics import FakeTopics
from tests.unit.two_models import TwoModels

Run = Callable[..., Result]
HOSTILE = "L-\x1b[2J\u202e"


@pytest.fixture
def topics() -> FakeTopics:
    return FakeTopics()


@pytest.fixture
def run(topics: FakeTopics, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command on topics in memory, in an empty folder."""

    async def open_fakes(settings: Settings, *_: Any) -> Any:
        return records_of(topics, settings)

    monkeypatch.setattr("stream.cli.explain.open_records", open_fakes)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(registry: Path, *arguments: str) -> Result:
        return CliRunner().invoke(explain, [*arguments, "--registry", str(registry)])

    return run


def lines(result: Result) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def test_a_lead_on_the_record_is_explained(topics: FakeTopics, run: Run, model: SmallModel) -> None:
    emit(topics, send(topics, model.leads[3]), model.bundle)
    shown = run(model.registry, "L-3")
    assert shown.exit_code == 0, shown.output
    assert "the same score to the bit" in shown.stdout
    for name in model.columns:
        assert name in shown.stdout
    [line] = lines(run(model.registry, "leads.created/0/0", "--json"))
    assert (line["kind"], line["lead_id"], line["is_reproduced"]) == ("explanation", "L-3", True)
    assert len(line["fields"]) == len(model.columns)


def test_lead_alone_is_a_lead_on_the_record_also_if_a_file_has_its_name(
    topics: FakeTopics, run: Run, model: SmallModel
) -> None:
    Path("L-3").write_text("a,b\n1,2\n")
    emit(topics, send(topics, model.leads[3]), model.bundle)
    [line] = lines(run(model.registry, "--lead", "L-3", "--json"))
    assert line["kind"] == "explanation"
    of_the_file = run(model.registry, "L-3", "--json")
    assert of_the_file.exit_code == 2
    assert "has none of the model's fields" in of_the_file.stderr


def test_a_score_that_is_not_reproduced_is_exit_code_4(
    topics: FakeTopics, run: Run, model: SmallModel
) -> None:
    codec = RecordCodec("lead_scored")
    at = emit(topics, send(topics, model.leads[3]), model.bundle)
    log = topics.logs[next(p for p in topics.logs if p.topic == "leads.scored")]
    event = dict(codec.decode(log[at].value))
    event["score"] = float(np.nextafter(np.float32(event["score"]), np.float32(1)))
    topics.add("leads.scored", 0, codec.encode(event), key=b"L-3", timestamp=SCORED_AT)
    result = run(model.registry, "L-3")
    assert result.exit_code == 4, result.output
    assert "not the emitted" in result.stdout
    history = run(model.registry, "L-3", "--history", "--json")
    assert history.exit_code == 4


def test_each_lead_without_a_score_has_a_sentence_and_an_exit_code(
    topics: FakeTopics, run: Run, model: SmallModel
) -> None:
    made = dead_letter(b"?", b"dead", code=ErrorCode.TYPE, partition=1, offset=7)
    topics.add("leads.created.dlq", 1, made.value, key=made.key, headers=made.headers)
    send(topics, dict(model.leads[0]) | {"lead_id": "gone"}, 1)
    send(topics, dict(model.leads[0]) | {"lead_id": "waits"}, 1)
    emit(topics, send(topics, dict(model.leads[0]) | {"lead_id": "old"}), model.bundle)
    topics.remove_below("leads.created", 1, 1)
    topics.remove_below("leads.created", 0, 1)
    expected = {
        "nobody": (5, "there is no scored event, no dead letter and no lead with this key"),
        "dead": (6, "became a dead letter (TYPE)"),
        "leads.created/1/7": (6, "became a dead letter (TYPE)"),
        "leads.created/1/0": (7, "was removed by retention"),
        "old": (7, "but retention has removed it"),
        "waits": (8, "has no scored event"),
    }
    for what, (code, sentence) in expected.items():
        result = run(model.registry, what)
        assert (what, result.exit_code) == (what, code)
        assert sentence in result.stderr
    assert "old" in run(model.registry, "old").stdout, "what was emitted is shown"


def test_a_model_that_is_gone_is_exit_code_2(
    topics: FakeTopics, run: Run, model: SmallModel, tmp_path: Path
) -> None:
    emit(topics, send(topics, model.leads[3]), model.bundle)
    result = run(tmp_path / "empty", "L-3")
    assert result.exit_code == 2
    assert "restore that version from a backup" in result.stderr


def test_a_terminal_does_not_obey_a_lead_s_text(
    topics: FakeTopics, run: Run, model: SmallModel
) -> None:
    hostile = {"lead_id": HOSTILE, "industry": "\x1b]0;owned", "summary": "[red]\r\n price"}
    emit(topics, send(topics, dict(model.leads[3]) | hostile), model.bundle)
    for arguments in ((HOSTILE,), (HOSTILE, "--history"), ("nobody" + HOSTILE,)):
        result = run(model.registry, *arguments)
        assert "L-\\x1b[2J\\u202e" in result.output
        assert not any(character in result.output for character in ("\x1b", "\u202e", "\r"))
    assert "[red]" in run(model.registry, HOSTILE).stdout
    [line] = lines(run(model.registry, HOSTILE, "--json"))
    assert line["lead_id"] == HOSTILE


def test_a_history_shows_each_score_and_what_changed(
    topics: FakeTopics, run: Run, two: TwoModels
) -> None:
    lead = dict(two.small.leads[3])
    emit(topics, send(topics, lead), two.before)
    again = send(topics, lead | {"page_views": 39.0})
    emit(topics, again, two.before, scored_at=SCORED_AT + 1)
    emit(topics, again, two.after, scored_at=SCORED_AT + 2)
    shown = run(two.registry, "L-3", "--history")
    assert shown.exit_code == 0, shown.output
    assert "L-3: 3 scores" in shown.stdout
    assert "page_views:" in shown.stdout
    assert "the model" in shown.stdout
    found = lines(run(two.registry, "L-3", "--history", "--json"))
    assert [line["kind"] for line in found] == ["score", "change", "score", "change", "score"]
    for line in found:
        if line["kind"] == "change":
            assert sum(part["log_odds"] for part in line["parts"]) == line["log_odds"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "expected a lead's id"),
        (("L-3", "--lead", "L-4"), "there is no file 'L-3'"),
        (("L-3", "--model", "leads"), "--model is of a file of leads"),
        (("leads.csv", "--history"), "--history are of a score that a worker gave"),
        (("absent.csv",), "absent.csv"),
        (("x" * 5000, "--lead", "y"), "there is no file"),
        (("x\0y", "--lead", "y"), "there is no file"),
        (("L-3", "--from", "1d ago", "--last", "2d"), "--from and --last exclude each other"),
        (("L-3", "--from", "soon"), "expected beginning, end, an offset"),
    ],
)
def test_options_that_do_not_belong_together(
    run: Run, model: SmallModel, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(model.registry, *arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr


def test_a_bundle_is_copied_with_its_sample_or_without(
    topics: FakeTopics, run: Run, model: SmallModel, tmp_path: Path
) -> None:
    registry = shutil.copytree(model.registry, tmp_path / "models")
    emit(topics, send(topics, model.leads[3]), model.bundle)
    [line] = lines(run(registry, "L-3", "--json"))
    [views] = [field for field in line["fields"] if field["name"] == "page_views"]
    assert views["typical"].startswith("median ")
