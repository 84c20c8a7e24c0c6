"""Leads per second through the join of outcomes, and its memory: `python -m benchmarks.outcomes`.

Without Kafka: encoded events are read as the role reads them, and joined in one RocksDB on a disk
of this machine. Each lead is scored once, in twenty days and in no order of ids; a third of them
have a final outcome, a day later. After all leads have come, time passes their horizon, so that all
of them mature; then they are dropped, and detectors of changes read them, if river is installed. It
fails if the memory of the process ever grew by more than `--most-memory`.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
SCORED_DAYS = 20
IDS = 10**8
STEP = 61_803_399
"""Distance of two leads' numbers: it has no factor in common with `IDS`, so no number repeats."""


class Scored(NamedTuple):
    """A Kafka record of a scored event."""

    value: bytes
    partition: int = 0
    offset: int = 0
    timestamp: int = SCORED_AT
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Template:
    """An encoded event, whose id, lead and time are replaced."""

    def __init__(self) -> None:
        event = scored("lead-00000000", offset=0, event_id="e-0-00000000", score=0.25)
        whole = RecordCodec("lead_scored").encode(event)
        first, _, rest = whole.partition(b"e-0-00000000")
        middle, _, rest = rest.partition(b"lead-00000000")
        before, _, last = rest.partition(_varint(event["scored_at"]))
        self._parts = first, middle, before, last

    def event(self, offset: int, lead: int, at: int) -> bytes:
        """Return the event of a lead, scored at a time in milliseconds since 1970."""
        first, middle, before, last = self._parts
        id_and_lead = b"%se-0-%08d%slead-%08d" % (first, offset, middle, lead)
        return b"".join((id_and_lead, before, _varint(at), last))


def _varint(value: int) -> bytes:
    """Return a long as Avro writes it."""
    rest, found = value << 1, bytearray()
    while rest > 127:
        found.append(rest & 127 | 128)
        rest >>= 7
    return bytes([*found, rest])


@dataclass(frozen=True)
class Leads:
    """The leads of a run."""

    count: int

    def lead(self, number: int) -> int:
        """Return the number in a lead's id."""
        return number * STEP % IDS

    def at(self, number: int) -> int:
        """Return when a lead was scored, in milliseconds since 1970."""
        return SCORED_AT + number * SCORED_DAYS * DAY // self.count


def score_batches(leads: Leads, *, has_segments: bool) -> Iterator[list[Scored]]:
    """Yield batches of scored events; leads are in twelve segments, if they have any."""
    template = Template()
    segments = [[(f"{SEGMENT}country", b"country %d" % n)] for n in range(12)]
    for start in range(0, leads.count, BATCH):
        yield [
            Scored(
                template.event(n, leads.lead(n), leads.at(n)),
                headers=segments[n % 12] if has_segments else (),
            )
            for n in range(start, min(start + BATCH, leads.count))
        ]


def outcome_batches(leads: Leads) -> Iterator[list[tuple[bytes, int]]]:
    """Yield batches of encoded outcomes, each with its time."""
    numbers = range(0, leads.count, EVERY)
    for start in range(0, len(numbers), BATCH):
        found = []
        for number in numbers[start : start + BATCH]:
            at = leads.at(number) + DAY
            outcome = "won" if number % 2 else "lost"
            lead_id = f"lead-{leads.lead(number):08d}"
            value = encode_outcome({"lead_id": lead_id, "outcome": outcome, "occurred_at": at})
            found.append((value, at))
        yield found


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


class Stage:
    """Measures the time of a stage, where it is entered, and prints it."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._seconds = self._cpu = 0.0

    def __enter__(self) -> None:
        self._seconds -= time.perf_counter()
        self._cpu -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self._seconds += time.perf_counter()
        self._cpu += time.process_time()

    def report(self, leads: int) -> None:
        """Print one line."""
        print(
            f"{self._name:24} {leads / self._seconds:10,.0f}/s"
            f" {self._cpu / leads * 1e6:8.1f} µs CPU each {memory_mb():8.0f} MB memory"
            f" {peak_mb():8.0f} MB peak {disk_mb(self._folder):8.0f} MB disk",
            flush=True,
        )


def measure(leads: Leads, folder: Path, *, has_segments: bool) -> float:
    """Join, mature and drop leads; return the memory before that, in MB."""
    reader = ScoreReader(by_creation=False, late_ms=OPTIONS.late_ms)
    kinds = OutcomeKinds(["won"], ["lost"])
    join = PartitionJoin(RocksStore(folder), OPTIONS, kinds, concept_watch())
    at_start = memory_mb()
    print(f"{'start':24} {at_start:54.0f} MB memory")
    stage, offset = Stage("scores", folder), 0
    for batch in score_batches(leads, has_segments=has_segments):
        with stage:
            read = reader.read(batch)
            join.add_scores(0, read.scores, offset, offset + len(batch))
        assert not read.unusable
        offset += len(batch)
    stage.report(leads.count)
    measure_outcomes(join, leads, folder)
    for name, days in (("scores that mature", 61), ("leads that are dropped", 100)):
        last = reader.read([Scored(Template().event(offset, IDS - 1, leads.at(leads.count)))])
        late = last.scores[0]._replace(at=last.scores[0].at + days * DAY)
        with (stage := Stage(name, folder)):
            join.add_scores(0, [late], offset, offset + 1)
        offset += 1
        stage.report(leads.count)
    counts = [c for key, c in join.cohorts.counts.items() if key.segment is None]
    assert sum(c.known for c in counts) == leads.count, counts
    assert sum(c.positives for c in counts) == len(range(EVERY, leads.count, 2 * EVERY))
    return at_start


def measure_outcomes(join: PartitionJoin, leads: Leads, folder: Path) -> None:
    """Join the outcomes of a third of the leads."""
    reader, stage, offset = OutcomeReader(SchemaStore.load()), Stage("outcomes", folder), 0
    for batch in outcome_batches(leads):
        with stage:
            arrived = [
                ArrivedOutcome(reader.read(value, at), offset + row, at)
                for row, (value, at) in enumerate(batch)
            ]
            join.add_outcomes(arrived, offset, offset + len(arrived))
        offset += len(batch)
    stage.report(offset)


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
        at_start = measure(Leads(given.leads), Path(folder), has_segments=given.segments)
    grown = peak_mb() - at_start
    print(f"memory grew by {grown:,.0f} MB at most")
    if grown > given.most_memory:
        raise SystemExit(f"expected at most {given.most_memory:,.0f} MB")


if __name__ == "__main__":
    main()
