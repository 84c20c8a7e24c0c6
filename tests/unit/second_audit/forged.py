"""A small run of LeadScore, written by hand: what went in, what came out, and the model."""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.commits import read_commit
from tests.chaos.second_audit.drift_blocks import DriftBlocks
from tests.chaos.second_audit.drift_reports import check_reports
from tests.chaos.second_audit.lead_reader import LeadReader
from tests.chaos.second_audit.model_bins import ModelBins
from tests.chaos.second_audit.partition_audit import PartitionAudit, Terms, Totals
from tests.chaos.second_audit.records import Faults, Record

TOPIC, SCHEMAS = "leads.created", Path("schemas")
AVRO = AvroFiles([SCHEMAS])
SHA, NEXT_SHA = "a" * 64, "b" * 64
WINDOW_MS = 300_000
CREATED = 1_700_000_100_000
"""The first millisecond of a window."""
METADATA = {
    "spec": {
        "fields": [
            {"name": "age", "kind": "number"},
            {"name": "job", "kind": "category"},
            {"name": "note", "kind": "text"},
            {"name": "seen", "kind": "date"},
        ]
    },
    "reference": {
        "fields": [
            {"name": "age", "by": "quantile", "edges": [20.0, 40.0]},
            {"name": "job", "by": "level", "levels": ["sales director", "clerk"]},
            {"name": "note", "by": "quantile", "edges": [5.0]},
            {"name": "seen", "by": "weekday"},
        ],
        "score": {"by": "quantile", "edges": [0.25, 0.5]},
    },
    "thresholds": {"label": 0.5, "medium": 0.4, "high": 0.7},
}
SCORE = 0.625
PLACES = [1, 5, 10, 17, 24]
"""Where a lead of `FIELDS` and `SCORE` counts, with the score's place last."""
FIELDS = {"age": 20, "job": " Sales  Director", "note": "hello", "seen": "1970-01-02"}


def lead(offset: int, *, partition: int = 0, **fields: Any) -> Record:
    """A lead that came at its own time."""
    content = {"lead_id": f"lead-{partition}-{offset}", "created_at": CREATED, **FIELDS, **fields}
    key = f"lead-{partition}-{offset}".encode()
    headers = [("traceparent", b"00-1")]
    return Record(partition, offset, CREATED, key, json.dumps(content).encode(), headers)


def scored(source: Record, sha: str = SHA, at: int | None = None, **changed: Any) -> Record:
    """The scored event of a lead."""
    base = hashlib.sha256(f"{TOPIC}|{sha}".encode()).hexdigest()[:16]
    given = json.loads(source.value or b"{}")
    event = {
        "event_id": f"{base}-{source.partition}-{source.offset}",
        "lead_id": given.get("lead_id"),
        "created_at": given.get("created_at"),
        "model_sha256": sha,
        "score": SCORE,
        "category": "Medium",
        "label": "engaged",
        "source": {"topic": TOPIC, "partition": source.partition, "offset": source.offset},
        **changed,
    }
    offset = source.offset if at is None else at
    return Record(source.partition, offset, CREATED, source.key, json.dumps(event).encode())


def dead(source: Record, code: str, **changed: Any) -> Record:
    """The dead letter of a record."""
    headers = [
        *(source.headers or ()),
        ("__connect.errors.topic", TOPIC.encode()),
        ("__connect.errors.partition", b"%d" % source.partition),
        ("__connect.errors.offset", b"%d" % source.offset),
        ("leadscore.error.code", code.encode()),
    ]
    return source._replace(headers=headers)._replace(**changed)


def partial(*sources: Record, sha: str = SHA, **changed: Any) -> Record:
    """The partial of leads of one block, all of `FIELDS` and `SCORE`."""
    sampled = [source.offset for source in sources if source.offset % 16 == 0]
    first = sources[0]
    content = {
        "topic": TOPIC,
        "partition": first.partition,
        "block": first.offset // 4096,
        "next_offset": sources[-1].offset + 1,
        "is_closed": False,
        "model_id": "bank",
        "model_version": "1",
        "model_sha256": sha,
        "window_start": CREATED,
        "window_ms": WINDOW_MS,
        "leads": len(sources),
        "present": 4 * len(sources),
        "score_sum": 625_000_000 * len(sources),
        "engaged": len(sources),
        "first_event": CREATED,
        "last_event": CREATED,
        "codes": PLACES,
        "counts": [len(sources)] * len(PLACES),
        "sample_offsets": sampled,
        "sample_scores": struct.pack(f"<{len(sampled)}f", *[SCORE] * len(sampled)),
        "sample_codes": struct.pack(f"<{4 * len(sampled)}h", *[1, 0, 1, 4] * len(sampled)),
        **changed,
    }
    key = "/".join(str(content[n]) for n in ("partition", "block", "window_start"))
    return Record(0, 0, CREATED, f"{key}/{sha[:16]}".encode(), avro("drift_partial", content))


def report(leads: int, **changed: Any) -> Record:
    """The report of a window of leads of `FIELDS` and `SCORE`."""
    content = {
        "kind": "window",
        "reported_at": CREATED,
        "topic": TOPIC,
        "model_id": "bank",
        "model_version": "1",
        "model_sha256": SHA,
        "window_start": CREATED,
        "window_end": CREATED + WINDOW_MS,
        "leads": leads,
        "present": 4 * leads,
        "score_sum": 625_000_000 * leads,
        "engaged": leads,
        "codes": PLACES,
        "counts": [leads] * len(PLACES),
        "horizons": [],
        "alarm": None,
        **changed,
    }
    return Record(0, 0, CREATED, b"report", avro("drift_report", content))


def avro(name: str, content: dict[str, Any]) -> bytes:
    """Avro single-object encoding by a schema of LeadScore's folder."""
    schema, mark = schema_of(name)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema, content)
    return b"\xc3\x01" + mark + body.getvalue()


@cache
def schema_of(name: str) -> tuple[Any, bytes]:
    schema = json.loads((SCHEMAS / f"{name}.avsc").read_text())
    mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
    return fastavro.parse_schema(schema), mark


@dataclass
class Run:
    """Records of a partition's logs; `faults` audits them."""

    leads: Sequence[Record]
    scored: Sequence[Record] = ()
    dead: Sequence[Record] = ()
    partials: Sequence[Record] | None = None
    reports: Sequence[Record] = ()
    committed: int = 0
    metadata: str = ""
    commits_are_ours: bool = False
    end: int = 10_000
    start: int = 0
    at_rest: bool = True
    exactly_once: bool = False
    planted: dict[tuple[int, int], str] | None = None
    totals: Totals = field(default_factory=Totals)

    def faults(self) -> dict[str, int]:
        """How many faults the audit finds, by rule."""
        found = Faults()
        terms = Terms(
            topic=TOPIC,
            models={sha: ModelBins(sha, METADATA) for sha in (SHA, NEXT_SHA)},
            reader=LeadReader(AVRO, 10_000),
            avro=AVRO,
            exactly_once=self.exactly_once,
            commits_are_ours=self.commits_are_ours,
            planted=self.planted,
        )
        drift = DriftBlocks(TOPIC, WINDOW_MS)
        drift.begin(0, self.start)
        partition = PartitionAudit(terms, 0, drift, found, self.totals)
        partition.add_commit(read_commit(self.committed, self.metadata), self.end)
        for record in self.scored:
            partition.add_scored(record)
        for record in self.dead:
            partition.add_dead(record)
        for record in self.leads:
            partition.add_lead(record, must_be_done=self.at_rest)
        partition.finish(self.start)
        if self.partials is not None:
            drift.hold_against(self.partials, AVRO, found)
        check_reports(self.reports, drift.windows(), AVRO, found)
        return dict(found.counts)


def model_file(folder: Path) -> tuple[Path, str]:
    """Write a model.onnx that holds `METADATA` and nothing else; returns it and its identity."""
    entry = _field(1, b"leadscore") + _field(2, json.dumps(METADATA).encode())
    content = _field(14, _field(1, b"other")) + _field(14, entry)
    file = folder / "model.onnx"
    file.write_bytes(content)
    return file, hashlib.sha256(content).hexdigest()


def _field(number: int, content: bytes) -> bytes:
    size, rest = bytearray(), len(content)
    while rest > 127:
        size.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *size, rest]) + content
