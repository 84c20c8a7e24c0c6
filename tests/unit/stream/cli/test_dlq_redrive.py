"""`leadscore dlq redrive`: its account, and its exit codes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli import dlq_redrive as module
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.ledger import Plan
from stream.dead_letters.selection import Selection
from stream.settings import Settings

PLAN = Plan(redrive="r1", at_ms=0, topic="t", selection=Selection(), max_attempts=10, spans={})
ALL = Account(read=5, sent=3, left=Counter({LeftReason.ATTEMPTS: 2}), is_complete=True)


@dataclass
class FakeDesk:
    """Re-drives that end with a given account, recorded instead of run."""

    account: Account = field(default_factory=lambda: ALL)
    planned: list[dict[str, Any]] = field(default_factory=list)
    tried: list[Plan] = field(default_factory=list)
    started: list[Plan | str] = field(default_factory=list)

    async def plan_redrive(
        self, settings: Settings, log: DeadLetterLog, selection: Selection, **options: Any
    ) -> Plan:
        self.planned.append({"selection": selection, **options})
        return PLAN

    async def try_plan(self, settings: Settings, plan: Plan, log: DeadLetterLog) -> Account:
        self.tried.append(plan)
        return self.account

    async def run_redrive(
        self,
        settings: Settings,
        log: DeadLetterLog,
        plan: Plan | str,
        *,
        stop: asyncio.Event,
        on_progress: Callable[[Account], None],
    ) -> Account:
        self.started.append(plan)
        on_progress(self.account)
        return self.account


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> FakeDesk:
    desk = FakeDesk()
    for name in ("plan_redrive", "try_plan", "run_redrive"):
        monkeypatch.setattr(module, name, getattr(desk, name))
    return desk


def run(*arguments: str) -> Result:
    return CliRunner().invoke(module.redrive, list(arguments))


def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(desk: FakeDesk) -> None:
    result = run("--code", "TYPE", "--limit", "3", "--dry-run")
    assert result.exit_code == 0, result.output
    assert (desk.tried, desk.started) == ([PLAN], [])
    assert result.stdout.splitlines() == [
        "Read     5 dead letters of leads.created.dlq",
        "To send  3 to leads.created",
        "Left     2 attempts",
        "Nothing was sent",
    ]
    assert desk.planned == [
        {
            "selection": Selection(codes=frozenset({"TYPE"})),
            "limit": 3,
            "max_attempts": None,
            "is_again": False,
        }
    ]


def test_a_redrive_prints_its_account_and_how_to_resume_it(desk: FakeDesk) -> None:
    result = run()
    assert (result.exit_code, desk.started) == (0, [PLAN])
    assert "Sent     3 to leads.created" in result.stdout
    assert "leadscore dlq redrive --resume r1" in result.stderr


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_more_attempts_than_the_workers_allow_are_a_warning(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...]
) -> None:
    """The leads came back with the code ATTEMPTS, and their own code was gone."""
    assert "warning" not in run(*option).stderr
    monkeypatch.setenv("LEADSCORE_MAX_ATTEMPTS", "9")
    result = run(*option)
    assert (result.exit_code, len(desk.started)) == (0, 0 if option else 2)
    assert "workers with LEADSCORE_MAX_ATTEMPTS=9 score no lead" in result.stderr


def test_json_is_one_line_with_the_id(desk: FakeDesk) -> None:
    [line] = run("--json").stdout.splitlines()
    assert orjson.loads(line) == {
        "redrive": "r1",
        "is_dry_run": False,
        "is_complete": True,
        "read": 5,
        "sent": 3,
        "left": {"attempts": 2},
        "expired": 0,
        "outlived": 0,
    }


@pytest.mark.parametrize(
    ("account", "code", "says"),
    [
        (
            Account(read=5, sent=4, is_complete=False),
            130,
            "before the end: leadscore dlq redrive --resume r1",
        ),
        (Account(read=3, sent=3, expired=2, is_complete=True), 4, "2 offsets before they were"),
        (Account(read=5, sent=4, is_complete=True), 4, "Sent"),
    ],
    ids=["stopped", "expired", "a letter that nobody accounts for"],
)
def test_an_account_that_does_not_cover_the_plan_has_an_exit_code_of_its_own(
    desk: FakeDesk, account: Account, code: int, says: str
) -> None:
    desk.account = account
    result = run()
    assert result.exit_code == code
    assert says in result.stdout


def test_a_resumed_redrive_continues_by_the_plan_in_the_ledger(desk: FakeDesk) -> None:
    result = run("--resume", "r1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (desk.planned, desk.started) == ([], ["r1"])


def test_an_empty_id_never_starts_another_redrive(desk: FakeDesk) -> None:
    """`--resume "$ID"` with a variable that is not set sent every letter."""
    run("--resume", "")
    assert (desk.planned, desk.started) == ([], [""])
    assert run("--resume", "", "--dry-run").exit_code == 2


@pytest.mark.parametrize(
    "option", [("--limit", "3"), ("--again",), ("--dry-run",), ("--id", "ann"), ("--since", "1h")]
)
def test_a_resumed_redrive_takes_no_other_option(desk: FakeDesk, option: tuple[str, ...]) -> None:
    result = run("--resume", "r1", *option)
    assert (result.exit_code, desk.started) == (2, [])
    assert "give it alone" in result.stderr


@pytest.mark.parametrize(
    ("level", "warns"), [("read_uncommitted", True), ("read_committed", False)]
)
def test_readers_of_uncommitted_leads_are_warned_of_repeats(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, level: str, warns: bool
) -> None:
    monkeypatch.setenv("LEADSCORE_ISOLATION_LEVEL", level)
    assert ("may score up" in run().stderr) is warns
    assert run("--dry-run").stderr == "", "it sends nothing"


def test_leads_that_are_older_than_the_retention_of_their_topic_are_a_warning(
    desk: FakeDesk,
) -> None:
    assert "warning" not in run("--dry-run").stderr
    desk.account = Account(read=5, sent=5, outlived=2, is_complete=True)
    for options, says in ((("--dry-run",), "would be sent with"), ((), "were sent with")):
        said = run(*options).stderr
        assert f"warning: 2 leads {says} a time stamp that is older" in said
        assert "leads.created" in said
