"""Leads per second through the join of outcomes, and its memory: `python -m benchmarks.outcomes`.

Without Kafka: encoded events are read as the role reads them, and joined in one RocksDB on a disk
of this machine. Each lead is scored once; a third of them have a final outcome, a day later. After
all leads have come, time passes their horizon, so that all of them mature; then they are dropped,
and detectors of changes read them, if river is installed. It fails if the memory of the process
ever grew by more than `--most-memory`.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from agents.outcomes.kinds import OutcomeKinds
from agents.outcomes.lead_state import JoinOptions
from agents.outcomes.partition_join import ArrivedOutcome, PartitionJoin
from schemas.headers import SEGMENT
from schemas.lead_outcome import OutcomeReader, encode_outcome
from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from stream.outcomes.assembly import concept_watch
from stream.outcomes.rocks_store import RocksStore
from stream.outcomes.score_reader import ScoreReader
from stream.process.garbage import collect_seldom
from testing.scored_events import SCORED_AT, scored

BATCH = 2000
DAY = 86_400_000
OPTIONS = JoinOptions(horizon_ms=60 * DAY, late_ms=14 * DAY)
EVERY = 3
"""Leads per lead with an outcome."""


class Scored(NamedTuple):
    """A Kafka record of a scored event."""

    value: bytes
    partition: int = 0
    offset: int = 0
    timestamp: int = SCORED_AT
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


def template() -> tuple[bytes, bytes]:
    """Return the parts of an encoded event around the number of its lead, of eight digits."""
    event = scored("lead-00000000", offset=0, event_id="e-0-00000000", score=0.25)
    first, _, rest = RecordCodec("lead_scored").encode(event).partition(b"e-0-00000000")
    middle, _, last = rest.partition(b"lead-00000000")
    return first + b"e-0-%08d" + middle + b"lead-%08d", last


def score_batches(leads: int, *, has_segments: bool) -> Iterator[list[Scored]]:
    """Yield batches of scored events; leads are in twelve segments, if they have any."""
    head, tail = template()
    segments = [[(f"{SEGMENT}country", b"country %d" % n)] for n in range(12)]
    for start in range(0, leads, BATCH):
        yield [
            Scored(head % (n, n) + tail, headers=segments[n % 12] if has_segments else ())
            for n in range(start, min(start + BATCH, leads))
        ]


def outcome_batches(leads: int, reader: OutcomeReader) -> Iterator[list[ArrivedOutcome]]:
    """Yield batches of outcomes, read from their bytes."""
    at = SCORED_AT + DAY
    numbers = range(0, leads, EVERY)
    for start in range(0, len(numbers), BATCH):
        values = [
            encode_outcome(
                {
                    "lead_id": f"lead-{number:08d}",
                    "outcome": "won" if number % 2 else "lost",
                    "occurred_at": at,
                }
            )
            for number in numbers[start : start + BATCH]
        ]
        yield [
            ArrivedOutcome(reader.read(value, at), start + row, at)
            for row, value in enumerate(values)
        ]


def memory_mb() -> float:
    """Return the resident memory of this process, in MB (10^6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def peak_mb() -> float:
    """Return the largest resident memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def disk_mb(folder: Path) -> float:
    """Return the size of a folder, in MB (10^6 bytes)."""
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def report(stage: str, leads: int, started: float, cpu: float, folder: Path) -> None:
    """Print one line."""
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    print(
        f"{stage:24} {leads / seconds:10,.0f}/s {used / leads * 1e6:8.1f} µs CPU each"
        f" {memory_mb():8.0f} MB memory {peak_mb():8.0f} MB peak {disk_mb(folder):8.0f} MB disk",
        flush=True,
    )


def measure(leads: int, folder: Path, *, has_segments: bool) -> float:
    """Join, mature and drop leads; return the memory before that, in MB."""
    reader = ScoreReader(by_creation=False, late_ms=OPTIONS.late_ms)
    outcomes = OutcomeReader(SchemaStore.load())
    kinds = OutcomeKinds(["won"], ["lost"])
    join = PartitionJoin(RocksStore(folder), OPTIONS, kinds, concept_watch())
    at_start = memory_mb()
    print(f"{'start':24} {at_start:54.0f} MB memory")
    started, cpu, offset = time.perf_counter(), time.process_time(), 0
    for batch in score_batches(leads, has_segments=has_segments):
        read = reader.read(batch)
        assert not read.unusable
        join.add_scores(0, read.scores, offset, offset + len(batch))
        offset += len(batch)
    report("scores", leads, started, cpu, folder)
    started, cpu, at = time.perf_counter(), time.process_time(), 0
    for arrived in outcome_batches(leads, outcomes):
        join.add_outcomes(arrived, at, at + len(arrived))
        at += len(arrived)
    report("outcomes", at, started, cpu, folder)
    last = reader.read([Scored(b"".join(template()) % (0, 0))]).scores[0]
    for stage, days in (("scores that mature", 61), ("leads that are dropped", 100)):
        started, cpu = time.perf_counter(), time.process_time()
        late = last._replace(lead_id=b"late", offset=offset, at=last.at + days * DAY)
        join.add_scores(0, [late], offset, offset + 1)
        offset += 1
        report(stage, leads, started, cpu, folder)
    [counts] = [c for key, c in join.cohorts.counts.items() if c.known and key.segment is None]
    assert counts.known == leads, counts.known
    assert counts.positives == sum(1 for number in range(0, leads, EVERY) if number % 2)
    return at_start


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--leads", type=int, default=1_000_000)
    options.add_argument("--segments", action="store_true", help="leads are in twelve segments")
    options.add_argument("--folder", type=Path, help="where the store is made, and removed again")
    options.add_argument("--most-memory", type=float, default=512, metavar="MB")
    given = options.parse_args()
    collect_seldom()  # as a worker does
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        at_start = measure(given.leads, Path(folder), has_segments=given.segments)
    grown = peak_mb() - at_start
    print(f"memory grew by {grown:,.0f} MB at most")
    if grown > given.most_memory:
        raise SystemExit(f"expected at most {given.most_memory:,.0f} MB")


if __name__ == "__main__":
    main()
