"""An erasure on the terminal, and as lines of JSON; neither names a lead by its id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from schemas.display import counted, for_terminal
from stream.cli.output import console
from stream.erasure.archived_leads import ArchivedLead
from stream.erasure.erasure import Erasure, Finding, NamingPlan
from stream.erasure.old_bundles import OldBundle
from stream.erasure.outcome_stores import StoredLead
from stream.erasure.policy import Fate, TopicPolicy
from stream.erasure.sink_rows import SinkRows
from stream.retraining.data_set import FILE

__all__ = ["erasure_lines", "print_erasure"]

WIDTH_IN_A_PIPE = 160
DAY_MS = 86_400_000
SHOWN_HASH = 8
SHOWN_LEADS = 20
ADVICE = {
    Fate.STAYS: "set the topic's retention.ms, or delete its records up to an offset with"
    " kafka-delete-records.sh",
    Fate.UNKNOWN: "grant DescribeConfigs on the topic (leadscore acls --role erase), and run it"
    " again",
}
DELETED = "deleted"
"""Fate of rows in databases."""
ADVICE_ON_ARCHIVE = (
    "rewrite each file without the lead's rows under the same name, or remove it; a replay counts"
    " the offsets of a removed file as expired"
)
ADVICE_ON_STORE = (
    "the role outcomes drops it when its outcomes have come (docs/privacy.md); to remove it now,"
    " stop the role and delete the folder, which is made again from the topics"
)
FATES = {
    Fate.TOMBSTONE: "tombstone",
    Fate.TOMBSTONED: "has tombstone",
    Fate.AGES_OUT: "ages out",
    Fate.STAYS: "stays",
    Fate.UNKNOWN: "unknown",
}


def erasure_lines(
    found: Erasure, hashes: Sequence[str | None], now_ms: int, *, is_dry_run: bool
) -> Iterator[dict[str, Any]]:
    """Yield the lines of JSON of an erasure.

    Parameters
    ----------
    found
        The erasure.
    hashes
        The keyed hash of each lead; None without a key for it.
    now_ms
        Its time, milliseconds since 1970.
    is_dry_run
        Whether nothing was written.
    """
    for policy in found.topics:
        yield {"kind": "topic", **_policy(policy)}
    for finding in found.findings:
        yield {"kind": "records", **_lead(finding.lead, hashes), **_records(finding)}
    for plan in found.plans:
        yield {"kind": "replay", **_lead(plan.lead, hashes), **_plan(plan)}
    for archived in found.archived:
        yield {"kind": "archive", **_lead(archived.lead, hashes), **_archived(archived)}
    for held in found.rows:
        yield {"kind": "database", **_lead(held.lead, hashes), **_rows(held)}
    for stored in found.stores:
        yield {"kind": "store", **_lead(stored.lead, hashes), **_stored(stored)}
    for bundle in found.bundles:
        yield {"kind": "model", "model": bundle.name, "what_to_do": _advice_on_bundle(bundle)}
    yield {
        "kind": "erasure",
        "at": _moment(now_ms),
        "is_dry_run": is_dry_run,
        "leads": found.leads,
        "lead_hashes": [value for value in hashes if value is not None],
        "tombstones": len(found.tombstones),
        "rows": sum(held.rows for held in found.rows),
        "not_found": [lead + 1 for lead in found.unknown],
        "records_without_key": dict(found.without_key),
        "has_rest": found.has_rest,
    }


def _records(finding: Finding) -> dict[str, Any]:
    return {
        "topic": finding.policy.topic,
        "records": finding.records,
        "newest": _moment(finding.newest_ms),
        "fate": str(finding.fate),
        "gone_by": None if finding.gone_by_ms is None else _moment(finding.gone_by_ms),
        "what_to_do": ADVICE.get(finding.fate),
    }


def _plan(plan: NamingPlan) -> dict[str, Any]:
    return {
        "replay_id": plan.replay_id,
        "fate": str(Fate.STAYS if plan.is_open else Fate.TOMBSTONE),
        "what_to_do": _advice_on_plan(plan) if plan.is_open else None,
    }


def _archived(archived: ArchivedLead) -> dict[str, Any]:
    return {
        "file": str(archived.file),
        "records": archived.records,
        "fate": str(Fate.STAYS),
        "what_to_do": ADVICE_ON_ARCHIVE,
    }


def _rows(held: SinkRows) -> dict[str, Any]:
    return {
        "database": held.database,
        "table": held.table,
        "rows": held.rows,
        "fate": DELETED,
    }


def _stored(stored: StoredLead) -> dict[str, Any]:
    return {
        "store": str(stored.folder),
        "fate": str(Fate.AGES_OUT),
        "what_to_do": ADVICE_ON_STORE,
    }


def print_erasure(found: Erasure, hashes: Sequence[str | None], *, is_dry_run: bool) -> None:
    """Print an erasure: what was written, what each topic holds of each lead, and until when."""
    screen = console(WIDTH_IN_A_PIPE, highlight=False)
    screen.print(Text(_sentence(found, is_dry_run=is_dry_run), "bold"))
    screen.print()
    if found.findings:
        screen.print(_table(found.findings, hashes))
    else:
        screen.print("No topic holds a record of these leads.")
    verb = "would be deleted" if is_dry_run else "deleted"
    for held in found.rows:
        sentence = (
            f"{held.database}: {counted(held.rows, 'row')} of lead {held.lead + 1} in {held.table}"
            f" {verb}"
        )
        screen.print(Text(for_terminal(sentence)))
    for stored in found.stores:
        sentence = f"{stored.folder} holds lead {stored.lead + 1}: {ADVICE_ON_STORE}"
        screen.print(Text(for_terminal(sentence)))
    if found.unknown and found.leads > len(found.unknown):
        screen.print(_of_unknown(found.unknown))
    for sentence in _rest(found):
        screen.print(Text(for_terminal(sentence), "yellow"))
    screen.print()
    screen.print(Text("Topics that were searched", "italic"))
    screen.print(_topics(found.topics))
    screen.print(
        Text(
            "gone by: the latest day (UTC) by the topic's configuration. Backups, copies of topics"
            " and outputs of commands are not seen: docs/privacy.md.",
            "dim",
        )
    )


def _of_unknown(leads: Sequence[int]) -> Text:
    shown = ", ".join(f"{lead + 1}" for lead in leads[:SHOWN_LEADS])
    more = f" and {len(leads) - SHOWN_LEADS:,} more" if len(leads) > SHOWN_LEADS else ""
    noun = "lead" if len(leads) == 1 else "leads"
    return Text(f"Nothing is held of {noun} {shown}{more}: check the spelling.", "yellow")


def _sentence(found: Erasure, *, is_dry_run: bool) -> str:
    leads, count = counted(found.leads, "lead"), len(found.tombstones)
    if count:
        verb = "would be written" if is_dry_run else "written"
        return f"{counted(count, 'tombstone')} for {leads} {verb}"
    if any(policy.is_compacted for policy in found.topics):
        return f"No tombstone is due for {leads}: nothing is written"
    return f"No topic that holds leads is compacted, so nothing is written for {leads}"


def _table(findings: Sequence[Finding], hashes: Sequence[str | None]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("lead", no_wrap=True)
    table.add_column("topic", overflow="fold")
    table.add_column("records", justify="right", no_wrap=True)
    table.add_column("what happens", no_wrap=True)
    table.add_column("gone by", no_wrap=True)
    for finding in sorted(findings, key=lambda each: each.lead):
        is_bad = finding.fate in ADVICE
        table.add_row(
            f"{finding.lead + 1} {(hashes[finding.lead] or '')[:SHOWN_HASH]}".rstrip(),
            Text(for_terminal(finding.policy.topic)),
            f"{finding.records:,}",
            Text(FATES[finding.fate], "bold yellow" if is_bad else ""),
            _gone(finding),
        )
    return table


def _gone(finding: Finding) -> str:
    if finding.gone_by_ms is not None:
        return _short(finding.gone_by_ms)
    is_compacted = finding.fate in (Fate.TOMBSTONE, Fate.TOMBSTONED)
    return "compaction" if is_compacted else "never" if finding.fate is Fate.STAYS else "?"


def _rest(found: Erasure) -> Iterator[str]:
    for fate, advice in ADVICE.items():
        topics = dict.fromkeys(
            finding.policy.topic for finding in found.findings if finding.fate is fate
        )
        for topic in topics:
            yield f"{topic}: {advice}"
    for archived in found.archived:
        records = counted(archived.records, "record")
        yield f"{archived.file} has {records} of lead {archived.lead + 1}"
    if found.archived:
        yield f"the archive: {ADVICE_ON_ARCHIVE}"
    for topic, count in found.without_key.items():
        yield f"{topic} has {count:,} records without a key: whose they are was not found out"
    for plan in found.plans:
        if plan.is_open:
            yield _advice_on_plan(plan)
    for bundle in found.bundles:
        yield _advice_on_bundle(bundle)


def _advice_on_plan(plan: NamingPlan) -> str:
    return (
        f"the plan of replay {plan.replay_id} names lead {plan.lead + 1}: end it, or `leadscore"
        f" replay cancel {plan.replay_id}`, then run the erasure again"
    )


def _advice_on_bundle(bundle: OldBundle) -> str:
    if not bundle.is_readable:
        return f"the model {bundle.name} can't be read: nobody knows what it holds of leads"
    if bundle.has_data_set:
        return (
            f"the model {bundle.name} keeps the leads that it was retrained on, without ids: if one"
            f" of these leads may be among them, remove its file {FILE}"
        )
    return (
        f"the model {bundle.name} is of an earlier version and keeps up to 10,000 training leads:"
        " train it again without these leads, then delete the version"
    )


def _topics(policies: Sequence[TopicPolicy]) -> Table:
    table = Table(box=None, pad_edge=False, style="dim")
    table.add_column("topic", overflow="fold")
    table.add_column("compacted", no_wrap=True)
    table.add_column("retention", no_wrap=True)
    for policy in policies:
        compacted = ("yes" if policy.is_compacted else "no") if policy.is_known else "?"
        table.add_row(Text(for_terminal(policy.topic)), compacted, _retention(policy))
    return table


def _retention(policy: TopicPolicy) -> str:
    if not policy.is_known:
        return "?"
    if policy.retention_ms is None:
        return "none"
    return f"{policy.retention_ms / DAY_MS:g} d, up to {policy.segment_ms / DAY_MS:g} d more"


def _policy(policy: TopicPolicy) -> dict[str, Any]:
    return {
        "topic": policy.topic,
        "is_compacted": policy.is_compacted if policy.is_known else None,
        "retention_ms": policy.retention_ms,
        "segment_ms": policy.segment_ms if policy.is_known else None,
    }


def _lead(index: int, hashes: Sequence[str | None]) -> dict[str, Any]:
    return {"lead": index + 1, "lead_hash": hashes[index]}


def _moment(ms: int) -> str:
    at = _utc(ms)
    return f"{ms} ms since 1970" if at is None else at.isoformat(timespec="milliseconds")


def _short(ms: int) -> str:
    at = _utc(ms)
    return "after 9999" if at is None else f"{at:%Y-%m-%d}"


def _utc(ms: int) -> datetime | None:
    """Return a time; None beyond the calendar, as a time stamp of a record may be."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
