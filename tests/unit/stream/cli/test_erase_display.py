"""An erasure on the terminal: what happens to what, and what to do where nothing does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stream.cli.erase_display import erasure_lines, print_erasure
from stream.erasure.archived_leads import ArchivedLead
from stream.erasure.erasure import Erasure, Finding, NamingPlan
from stream.erasure.old_bundles import OldBundle
from stream.erasure.outcome_stores import StoredLead
from stream.erasure.policy import Fate, TopicPolicy
from stream.erasure.sink_rows import SinkRows

NOW = 1_700_000_000_000
DAY = 86_400_000
AGES = TopicPolicy("leads.created", 2, is_known=True, retention_ms=7 * DAY, segment_ms=DAY)
STAYS = TopicPolicy("leads.outcomes", 2, is_known=True)
COMPACTED = TopicPolicy("leads.scored", 2, is_known=True, is_compacted=True)
UNKNOWN = TopicPolicy("leads.scored.shadow", 2)


def everything() -> Erasure:
    """Return an erasure with every fate, an open replay and models of all kinds."""
    policies = (AGES, STAYS, COMPACTED, UNKNOWN)
    findings = [
        Finding(0, each, 2, NOW, each.fate, each.gone_by(NOW, NOW)) for each in policies
    ] + [Finding(1, COMPACTED, 1, NOW, Fate.TOMBSTONED, None)]
    plans = [NamingPlan(1, "backfill-4", is_open=True), NamingPlan(1, "old", is_open=False)]
    bundles = [
        OldBundle("leads/1", is_readable=True),
        OldBundle("leads/2", is_readable=False),
        OldBundle("leads/3", is_readable=True, has_data_set=True),
    ]
    archived = [ArchivedLead(1, Path("archive/leads/0/1-9.parquet"), 3)]
    rows = [SinkRows(0, "postgresql://me:***@db/crm", "lead_scores", 1)]
    stores = [StoredLead(1, Path("stores/leads.scored/0"))]
    return Erasure(
        *(3, policies, findings, plans, bundles, [], archived, rows),
        stores=stores,
        without_key={"leads.created": 1200},
    )


def test_each_fate_has_its_words_and_its_advice(capsys: pytest.CaptureFixture[str]) -> None:
    print_erasure(everything(), ["ab" * 16, None, None], is_dry_run=False)
    shown = capsys.readouterr().out
    for words in (
        "ages out",
        "2023-11-22",
        "never",
        "compaction",
        "has tombstone",
        "leads.outcomes: set the topic's retention.ms",
        "leads.scored.shadow: grant DescribeConfigs",
        "`leadscore replay cancel backfill-4`",
        "leads/1 is of an earlier version",
        "leads/2 can't be read",
        "leads/3 keeps the leads that it was retrained on",
        "7 d, up to 1 d more",
        "stores/leads.scored/0 holds lead 2",
        "Nothing is held of lead 3: check the spelling.",
        "leads.created has 1,200 records without a key",
        "1 abababab",
        "archive/leads/0/1-9.parquet has 3 records of lead 2",
        "postgresql://me:***@db/crm: 1 row of lead 1 in lead_scores deleted",
    ):
        assert words in shown, words


def test_the_lines_have_everything_and_end_with_the_erasure() -> None:
    lines = list(erasure_lines(everything(), [None] * 3, NOW, is_dry_run=True))
    kinds = [line["kind"] for line in lines]
    found = {
        "topic": 4,
        "records": 5,
        "replay": 2,
        "archive": 1,
        "database": 1,
        "store": 1,
        "model": 3,
        "erasure": 1,
    }
    assert Counter(kinds) == found
    assert [*dict.fromkeys(kinds)] == [*found]
    records = [line for line in lines if line["kind"] == "records"]
    [ages] = [line for line in records if line["fate"] == "ages_out"]
    assert ages["gone_by"] == "2023-11-22T22:13:20.000+00:00"
    assert lines[-1]["has_rest"]
    assert lines[-1]["rows"] == 1
    assert lines[-1]["not_found"] == [3]
    assert lines[-1]["records_without_key"] == {"leads.created": 1200}


def test_a_time_stamp_beyond_the_calendar_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding(0, AGES, 1, 2**62, Fate.AGES_OUT, 2**62 + DAY)
    found = Erasure(1, (AGES,), [finding], [], [], [])
    print_erasure(found, [None], is_dry_run=False)
    assert "after 9999" in capsys.readouterr().out
    lines = list(erasure_lines(found, [None], NOW, is_dry_run=False))
    assert lines[1]["newest"] == f"{2**62} ms since 1970"
