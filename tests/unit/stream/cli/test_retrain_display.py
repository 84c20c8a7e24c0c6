"""Retrainings in lines, in a table and as JSON."""

from __future__ import annotations

import pytest

from stream.cli.retrain_display import account_json, print_account, print_retrainings
from stream.retraining.plan import RetrainAccount
from tests.unit.stream.retraining.records import plan


def test_an_account_has_data_verdict_candidate_and_notes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = RetrainAccount(
        outcome="rejected",
        sentence="rejected: no gain",
        version="4",
        rows=1000,
        positives=80,
        data_sha256="ab" * 32,
        warnings=("few",),
    )
    print_account(plan("r1", reason="prices\x1b"), account)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Retraining  r1, manual: prices")
    assert "\x1b" not in lines[0]
    assert lines[2] == "Data        1,000 leads, 80 of them converted, sha256 abababababab"
    assert lines[3:] == [
        "Verdict     rejected: no gain",
        "Candidate   leads/4",
        "Note        few",
    ]


def test_without_retrainings_the_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_retrainings([])
    assert capsys.readouterr().out == "There were no retrainings.\n"


def test_json_has_plan_and_account() -> None:
    found = account_json(plan("r1"), None)
    assert (found["retrain_id"], found["account"]) == ("r1", None)
    assert found["plan"]["cut_ms"] == plan("r1").cut_ms
