"""The rules of one partition: what came out, held against what went in and what is committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.canary_rules import CanaryRules, Mark, read_mark
from tests.chaos.second_audit.commits import Commit
from tests.chaos.second_audit.drift_blocks import DriftBlocks
from tests.chaos.second_audit.lead_reader import Lead, LeadReader, Refusal
from tests.chaos.second_audit.model_bins import ModelBins
from tests.chaos.second_audit.outcomes import (
    DeadLetter,
    content_of,
    event_id_of,
    read_dead,
    read_scored,
)
from tests.chaos.second_audit.records import Faults, Record

__all__ = ["AFTER_READING", "PartitionAudit", "Terms", "Totals"]

AFTER_READING = ("FEATURES", "OUTPUT_TOO_LARGE")
"""Codes of leads that could be read: they are counted for drift."""
UNREADABLE = "UNREADABLE"
"""The code of a record whose headers a client cannot read."""


@dataclass(frozen=True)
class Terms:
    """Settings of the audit for all partitions.

    Attributes
    ----------
    topic
        Topic of the leads.
    models
        By SHA-256: those that may have scored.
    reader, avro
        Read leads and events.
    exactly_once
        Whether a repeat is a fault.
    commits_are_ours
        Whether each commit must have a worker's metadata.
    planted
        By partition and offset, the code of each record that was broken on purpose; None: not
        known.
    """

    topic: str
    models: Mapping[str, ModelBins]
    reader: LeadReader
    avro: AvroFiles
    exactly_once: bool = False
    commits_are_ours: bool = False
    planted: Mapping[tuple[int, int], str] | None = None


@dataclass
class Totals:
    """Counters of the audit."""

    leads: int = 0
    scored: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    models: Counter[str] = field(default_factory=Counter)


class _Scored(NamedTuple):
    model_sha256: str
    score: float
    lead: int
    """Hash of the lead's id and time."""
    mark: Mark | None


class PartitionAudit:
    """Audits a partition: add its events and dead letters, then its leads in order.

    Parameters
    ----------
    terms
        Settings of the audit.
    number
        The partition.
    drift
        Counts the leads that were scored.
    faults, totals
        Where to note what is found.
    """

    def __init__(
        self, terms: Terms, number: int, drift: DriftBlocks, faults: Faults, totals: Totals
    ) -> None:
        self._terms, self._number = terms, number
        self._drift, self._faults, self._totals = drift, faults, totals
        self._scored: dict[int, _Scored] = {}
        self._dead: dict[int, DeadLetter] = {}
        self._last_scored = self._last_dead = -1
        self._commit = Commit()
        self._canaries = CanaryRules(self._fault)

    def add_commit(self, commit: Commit, end: int) -> None:
        """Note what the group had committed before anything else was read, and the log's end."""
        self._commit = commit
        if commit.offset > end:
            self._fault("committed_beyond_end", commit.offset)
        if self._terms.commits_are_ours and not commit.is_ours:
            self._fault("commit_not_ours", commit.offset)

    def add_scored(self, record: Record) -> None:
        """Add a record of the scored topic, in the order of offsets."""
        try:
            event = read_scored(record.value, self._terms.avro)
            mark = read_mark(record.headers)
        except Exception:  # whatever reading leads to
            self._fault("event_unreadable", record.offset)
            return
        topic, partition, offset = event.source
        if topic != self._terms.topic or partition != self._number:
            self._fault("wrong_partition", offset)
            return
        if event.event_id != event_id_of(topic, event.model_sha256, partition, offset):
            self._fault("event_id", offset)
        if record.key != event.lead[0].encode():
            self._fault("event_key", offset)
        known = self._scored.get(offset)
        if known is not None:
            self._repeated(offset)
            if known.model_sha256 != event.model_sha256:
                self._fault("two_event_ids", offset)
            return
        if offset < self._last_scored:
            self._fault("order", offset)
        self._last_scored = max(self._last_scored, offset)
        self._scored[offset] = _Scored(event.model_sha256, event.score, hash(event.lead), mark)
        model = self._terms.models.get(event.model_sha256)
        if model is None:
            self._fault("model_unknown", offset)
        elif event.category != model.category(event.score) or not 0 <= event.score <= 1:
            self._fault("category", offset)
        elif (event.label == "engaged") is not model.is_engaged(event.score):
            self._fault("label", offset)

    def add_dead(self, record: Record) -> None:
        """Add a record of the dead-letter topic, in the order of offsets."""
        try:
            letter = read_dead(record)
        except Exception:  # whatever reading leads to
            self._fault("dead_letter_unreadable", record.offset)
            return
        offset = letter.offset
        if letter.topic not in (None, self._terms.topic) or letter.partition != self._number:
            self._fault("wrong_partition", offset)
            return
        if offset in self._dead:
            self._repeated(offset)
            if self._dead[offset].code != letter.code:
                self._fault("two_codes", offset)
            return
        if offset < self._last_dead:
            self._fault("order", offset)
        self._last_dead = max(self._last_dead, offset)
        self._dead[offset] = letter

    def add_lead(self, record: Record, *, must_be_done: bool = True) -> None:
        """Add a lead, in the order of offsets.

        Parameters
        ----------
        record
            As it is in the log.
        must_be_done
            Whether it is a fault when it did not come out; it always is below the committed offset.
        """
        self._totals.leads += 1
        scored = self._scored.pop(record.offset, None)
        dead = self._dead.pop(record.offset, None)
        if scored is not None and dead is not None:
            self._fault("scored_and_dead", record.offset)
        elif scored is not None:
            self._check_scored(record, scored)
        elif dead is not None:
            self._check_dead(record, dead)
        elif record.offset < self._commit.offset:
            self._fault("committed_too_far", record.offset)
        elif must_be_done:
            self._fault("lost", record.offset)

    def finish(self, start: int) -> None:
        """Note outcomes of no lead, except below `start`: there retention removed the leads."""
        for offset in (*self._scored, *self._dead):
            if offset >= start:
                self._fault("of_no_lead", offset)

    def _check_scored(self, record: Record, scored: _Scored) -> None:
        self._totals.scored += 1
        self._totals.models[scored.model_sha256] += 1
        if self._commit.denies(record.offset, scored.model_sha256):
            self._fault("commit_of_another_model", record.offset)
        if (self._terms.planted or {}).get((self._number, record.offset)) is not None:
            self._fault("scored_though_broken", record.offset)
        model = self._terms.models.get(scored.model_sha256)
        if model is None:
            self._drift.leave_out(self._number, record.offset)
            return
        try:
            lead = self._terms.reader.read(record.value, model.kinds, record.timestamp)
        except Refusal:
            self._fault("scored_though_broken", record.offset)
            self._drift.leave_out(self._number, record.offset)
            return
        if hash((lead.lead_id, lead.created_at)) != scored.lead:
            self._fault("event_of_another_lead", record.offset)
        self._canaries.add(record.offset, scored.mark, lead.lead_id, scored.model_sha256)
        if scored.mark is None or scored.mark.arm == "production":
            self._drift.add(record, lead.created_at, lead.fields, scored.score, model)

    def _check_dead(self, record: Record, letter: DeadLetter) -> None:
        self._totals.dead[letter.code] += 1
        if letter.code in AFTER_READING:
            self._drift.leave_out(self._number, record.offset)
        if letter.code not in self._possible_codes(record):
            self._fault("code", record.offset)
        if not self._is_untouched(record, letter):
            self._fault("dead_letter_changed", record.offset)

    def _is_untouched(self, record: Record, letter: DeadLetter) -> bool:
        if letter.left_out is not None:
            return letter.left_out == len(record.value or b"")
        if record.headers is None:
            return letter.bare == content_of(record.key, record.value)
        return letter.content == content_of(record.key, record.value, record.headers)

    def _possible_codes(self, record: Record) -> set[str]:
        """Find the codes that a dead letter of a record may have, by the models that may score."""
        if self._terms.planted is not None:
            code = self._terms.planted.get((self._number, record.offset))
            return set() if code is None else {code}
        if record.headers is None:
            return {UNREADABLE}
        codes: set[str] = set()
        for model in self._terms.models.values():
            verdict = self._verdict(record, model)
            codes.update(AFTER_READING if isinstance(verdict, Lead) else [verdict])
        return codes

    def _verdict(self, record: Record, model: ModelBins) -> Lead | str:
        try:
            return self._terms.reader.read(record.value, model.kinds, record.timestamp)
        except Refusal as refusal:
            return refusal.code

    def _repeated(self, offset: int) -> None:
        self._totals.repeats += 1
        if self._terms.exactly_once:
            self._fault("repeated", offset)

    def _fault(self, rule: str, offset: int) -> None:
        self._faults.add(rule, f"{self._number}:{offset}")
