"""The whole audit of a run, and the account of what it found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.bundle_file import read_bundle_file
from tests.chaos.second_audit.commits import read_commit
from tests.chaos.second_audit.drift_blocks import DriftBlocks
from tests.chaos.second_audit.drift_reports import check_reports
from tests.chaos.second_audit.kafka_log import KafkaLog
from tests.chaos.second_audit.lead_reader import LeadReader
from tests.chaos.second_audit.model_bins import ModelBins
from tests.chaos.second_audit.partition_audit import PartitionAudit, Terms, Totals
from tests.chaos.second_audit.records import Faults, Record

__all__ = ["Account", "Target", "audit", "audit_within"]

PAUSE = 1.0
"""Seconds between two audits of a run that is not at rest yet."""
SETTLING = frozenset({"lost", "drift_counts", "drift_not_counted"})
"""Faults that a run has which is not at rest yet."""


@dataclass(frozen=True)
class Target:
    """The audited topics and group.

    Attributes
    ----------
    bootstrap
        Kafka's address.
    group
        The workers' consumer group.
    leads, scored, dead, partials
        Topics; without partials, drift is not checked.
    bundles
        Each model.onnx that may have scored.
    schemas
        Folders of the .avsc files of leads, events and partials.
    window_ms
        Length of a drift window.
    max_event_bytes
        The largest lead.
    exactly_once
        Whether events are read committed, and repeats are faults.
    reads_committed
        Whether the workers read committed leads only.
    commits_are_ours
        Whether the last commit of each partition must be a worker's of this version.
    reports
        Topic of the drift worker's reports; None: they are not checked. Leads that come after their
        window is closed are in no report, so there must be none.
    begins
        By topic and partition, the first offset that counts; 0 where it is not given. For a run in
        which a topic was deleted: the outputs of its leads before that, or its leads before that,
        have nothing left to be compared with.
    """

    bootstrap: str
    group: str
    leads: str
    scored: str
    dead: str
    partials: str | None
    bundles: tuple[Path, ...]
    schemas: tuple[Path, ...]
    window_ms: int = 300_000
    max_event_bytes: int = 262_144
    exactly_once: bool = False
    reads_committed: bool = False
    commits_are_ours: bool = False
    reports: str | None = None
    begins: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def begin(self, topic: str, partition: int) -> int:
        """Return the first offset that is audited."""
        return self.begins.get(topic, {}).get(partition, 0)


@dataclass
class Account:
    """Result of an audit; `faults` is empty if every rule holds."""

    totals: Totals = field(default_factory=Totals)
    faults: Faults = field(default_factory=Faults)
    committed: dict[int, int] = field(default_factory=dict)
    blocks: int = 0
    reports: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """Return the account as JSON takes it."""
        return {
            "leads": self.totals.leads,
            "scored": self.totals.scored,
            "dead": dict(sorted(self.totals.dead.items())),
            "repeats": self.totals.repeats,
            "models": dict(self.totals.models),
            "committed": {str(number): at for number, at in sorted(self.committed.items())},
            "drift_blocks": self.blocks,
            "drift_reports": self.reports,
            "seconds": round(self.seconds, 1),
            "faults": self.faults.as_json(),
        }


def audit(
    target: Target,
    *,
    planted: Mapping[tuple[int, int], str] | None = None,
    at_rest: bool = True,
) -> Account:
    """Read everything once and apply every rule.

    Parameters
    ----------
    target
        The audited topics and group.
    planted
        By partition and offset, the code of each record that was broken on purpose.
    at_rest
        Whether all leads must have come out and be counted; else only those below the committed
        offsets must have come out, and drift is not checked.
    """
    started, account, log = time.monotonic(), Account(), KafkaLog(target.bootstrap)
    terms = _terms(target, planted)
    drift = DriftBlocks(target.leads, target.window_ms)
    # First what is committed, then what came out, the leads last: whatever happens meanwhile,
    # what is committed must have come out, and what came out must be of a lead.
    numbers = log.partitions(target.leads)
    committed = log.committed(target.group, target.leads, numbers)
    commits = {number: read_commit(*commit) for number, commit in committed.items()}
    account.committed = {number: commit.offset for number, commit in commits.items()}
    for number in numbers:
        partition = PartitionAudit(terms, number, drift, account.faults, account.totals)
        _, end = log.bounds(target.leads, number)
        if number in commits:
            partition.add_commit(commits[number], end)
        for topic, add in (
            (target.scored, partition.add_scored),
            (target.dead, partition.add_dead),
        ):
            begin, committed_only = target.begin(topic, number), target.exactly_once
            for record in log.read(topic, number, begin=begin, committed_only=committed_only):
                add(record)
        start, begin = log.bounds(target.leads, number)[0], target.begin(target.leads, number)
        start, committed_only = max(start, begin), target.reads_committed
        drift.begin(number, start)
        for record in log.read(target.leads, number, begin=begin, committed_only=committed_only):
            partition.add_lead(record, must_be_done=at_rest)
        partition.finish(start)
    if at_rest and target.partials is not None:
        drift.hold_against(_all(log, target.partials), terms.avro, account.faults)
        account.blocks = drift.blocks
    if at_rest and target.reports is not None:
        reports = _all(log, target.reports)
        account.reports = check_reports(reports, drift.windows(), terms.avro, account.faults)
    account.seconds = time.monotonic() - started
    return account


def audit_within(
    target: Target, within: float, *, planted: Mapping[tuple[int, int], str] | None = None
) -> Account:
    """Audit until every rule holds, or one is broken that time does not heal, or time is up.

    Parameters
    ----------
    target, planted
        As for `audit`.
    within
        Seconds in which leads that are on their way may come out and be counted.
    """
    deadline = time.monotonic() + within
    while True:
        account = audit(target, planted=planted)
        is_settling = account.faults.counts.keys() <= SETTLING
        if not account.faults.counts or not is_settling or time.monotonic() > deadline:
            return account
        time.sleep(PAUSE)


def _terms(target: Target, planted: Mapping[tuple[int, int], str] | None) -> Terms:
    avro = AvroFiles(target.schemas)
    models = [ModelBins(*read_bundle_file(file)) for file in target.bundles]
    return Terms(
        topic=target.leads,
        models={model.sha256: model for model in models},
        reader=LeadReader(avro, target.max_event_bytes),
        avro=avro,
        exactly_once=target.exactly_once,
        commits_are_ours=target.commits_are_ours,
        planted=planted,
    )


def _all(log: KafkaLog, topic: str) -> Iterator[Record]:
    for number in log.partitions(topic):
        yield from log.read(topic, number)
