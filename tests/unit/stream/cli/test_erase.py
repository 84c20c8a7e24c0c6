"""`leadscore erase`: what is asked, written and printed, and the exit codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli.erase import erase
from stream.erasure.erasure import Erasure, Finding
from stream.erasure.policy import Fate, TopicPolicy
from stream.erasure.sink_rows import SinkRows
from stream.erasure.tombstones import Tombstone

Run = Callable[..., Result]
COMPACTED = TopicPolicy("leads.scored", 2, is_known=True, is_compacted=True)
UNLIMITED = TopicPolicy("leads.outcomes", 2, is_known=True)
SECRET = "a secret of sixteen"


class FakeErasure:
    """An erasure that finds a record of the first lead in each topic."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.written: list[Tombstone] = []
        self.policies: tuple[TopicPolicy, ...] = (COMPACTED,)
        self.deleted: list[tuple[str, ...]] = []

    async def plan(
        self,
        _settings: Any,
        ids: Sequence[str],
        now_ms: int,
        _progress: Any,
        databases: Sequence[str],
    ) -> Erasure:
        self.asked = [*ids]
        findings = [Finding(0, each, 1, now_ms, each.fate, None) for each in self.policies]
        stones = [
            Tombstone(finding.policy.topic, 0, ids[0].encode())
            for finding in findings
            if finding.fate is Fate.TOMBSTONE
        ]
        rows = [SinkRows(0, database, "leads", 1) for database in databases]
        return Erasure(len(ids), self.policies, findings, [], [], stones, rows=rows)

    async def write(self, _settings: Any, tombstones: Sequence[Tombstone]) -> None:
        self.written = [*tombstones]

    def delete(self, databases: Sequence[str], ids: Sequence[str]) -> None:
        self.deleted.append((*databases, *ids))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeErasure:
    fake = FakeErasure()
    monkeypatch.setattr("stream.cli.erase.plan_erasure", fake.plan)
    monkeypatch.setattr("stream.cli.erase.write_tombstones", fake.write)
    monkeypatch.setattr("stream.cli.erase.delete_rows", fake.delete)
    return fake


def run(*arguments: str, stdin: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(erase, arguments, input=stdin, env=environment)


def lines(result: Result) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def test_tombstones_are_written_and_the_output_names_no_lead(fake: FakeErasure) -> None:
    result = run("ann@example.com", "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert fake.written == [Tombstone("leads.scored", 0, b"ann@example.com")]
    assert "ann" not in result.output
    assert "ann" not in run("ann@example.com", "--yes").output
    *_, last = lines(result)
    assert (last["kind"], last["tombstones"], last["is_dry_run"]) == ("erasure", 1, False)
    assert last["lead_hashes"] == []


def test_with_a_secret_the_output_has_keyed_hashes(fake: FakeErasure) -> None:
    result = run("ann", "bob", "--yes", "--json", LEADSCORE_LOG_ID_KEY=SECRET)
    *_, last = lines(result)
    assert len(set(last["lead_hashes"])) == 2
    assert SECRET not in result.output


def test_a_dry_run_writes_nothing(fake: FakeErasure) -> None:
    result = run("ann", "--dry-run")
    assert (result.exit_code, fake.written) == (0, [])
    assert "1 tombstone for 1 lead would be written" in result.stdout


def test_without_a_terminal_it_needs_yes(fake: FakeErasure) -> None:
    result = run("ann")
    assert (result.exit_code, fake.written) == (2, [])
    assert "--yes" in result.stderr


def test_nothing_to_write_needs_no_confirmation_and_is_said(fake: FakeErasure) -> None:
    fake.policies = (TopicPolicy("leads.created", 2, is_known=True, retention_ms=1),)
    result = run("ann")
    assert result.exit_code == 0, result.output
    assert "No topic that holds leads is compacted, so nothing is written" in result.stdout


def test_records_that_stay_are_exit_code_1_with_what_to_do(fake: FakeErasure) -> None:
    fake.policies = (UNLIMITED,)
    result = run("ann", "--json")
    assert result.exit_code == 1
    [records] = [line for line in lines(result) if line["kind"] == "records"]
    assert (records["fate"], records["gone_by"]) == ("stays", None)
    assert "retention.ms" in records["what_to_do"]


def test_rows_of_databases_are_deleted_once_it_is_confirmed(fake: FakeErasure) -> None:
    named = ("--sql", "sqlite:///a.db")
    of_sink = {"LEADSCORE_SINK": "sql", "LEADSCORE_SINK_TO": "sqlite:///b.db"}
    run("ann", *named, "--dry-run", **of_sink)
    assert fake.deleted == []
    result = run("ann", *named, stdin="n\n", **of_sink)
    assert "Delete 2 rows of 1 lead from databases?" in result.output
    assert (result.exit_code, fake.deleted) == (2, [])
    result = run("ann", *named, "--yes", **of_sink)
    assert fake.deleted == [("sqlite:///a.db", "sqlite:///b.db", "ann")]
    assert "sqlite:///b.db: 1 row of lead 1 in leads deleted" in result.stdout


def test_ids_of_arguments_and_of_a_file_are_each_erased_once(
    fake: FakeErasure, tmp_path: Path
) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes("\ufeffbob\r\n\nann\n cyd \n".encode())
    run("ann", "--file", str(file), "--dry-run")
    assert fake.asked == ["ann", "bob", " cyd "]
    run("--file", "-", "--dry-run", stdin="eve\n")
    assert fake.asked == ["eve"]


def test_an_id_with_a_rare_line_separator_is_one_id(fake: FakeErasure, tmp_path: Path) -> None:
    """Its parts were taken for ids: they may be those of other leads."""
    file = tmp_path / "ids.txt"
    file.write_text("L-\u2028x\x0b\x85\nann\n", encoding="utf-8")
    run("--file", str(file), "--dry-run")
    assert fake.asked == ["L-\u2028x\x0b\x85", "ann"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe"])
def test_a_file_without_ids_is_refused(fake: FakeErasure, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(content)
    result = run("--file", str(file))
    assert result.exit_code == 2
    assert "expected" in result.stderr
    assert fake.asked == []
