"""Measure the delay of drift detection, and its false alarms.

python -m benchmarks.drift_delays
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.drift_cases import Bank, Rows, Shift, day_and_night, draw, months, shifts
from benchmarks.drift_contenders import evidently_columns, kswin_alarms
from benchmarks.drift_replay import Seen, replay
from monitoring.drift.seasonality import DAY_MS

BEFORE, AFTER = 30_000, 50_000
"""Leads of a run, before and after the shift."""
DRAWS = 3
KSWIN_BEFORE, KSWIN_AFTER = 5_000, 20_000
"""Fewer leads, as KSWIN is slow."""
STILL, STILL_DRAWS = 200_000, 5
EVIDENTLY_LEADS, EVIDENTLY_REFERENCE, EVIDENTLY_DRAWS = 5_000, 10_000, 6


def main() -> None:
    started = time.monotonic()
    bank = Bank()
    print(f"\n### Delays: leads after the shift, median of {DRAWS} draws\n")
    _table(
        ("shift", "ADWIN", "windows", "confirmed", "Page-Hinkley", "KSWIN", "Evidently"),
        (_delays(bank, shift) for shift in (*shifts(bank), *months(bank))),
    )
    print(f"\n### False alarms: in {STILL:,} leads that do not drift\n")
    _table(("method", "alarms", "leads"), _false_alarms(bank))
    print("\n### Day and night: alarms in three days, 86,400 leads each\n")
    _table(
        (
            *("shift", "ADWIN, before it", "confirmed, before it", "the same without a season"),
            *("confirmed, after it", "leads until then", "horizon"),
        ),
        _seasons(bank),
    )
    print(f"\nTook {time.monotonic() - started:.0f} s.")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print("| " + " | ".join(header) + " |")
    print("|---|" + "--:|" * (len(header) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)


def _delays(bank: Bank, shift: Shift) -> Sequence[str]:
    draws = [shift.leads(BEFORE, AFTER, seed) for seed in range(DRAWS)]
    seen = [replay(leads, shift.layout, season_ms=0, page_hinkley=True) for leads in draws]
    near = slice(BEFORE - KSWIN_BEFORE, BEFORE + KSWIN_AFTER)
    kswin = [kswin_alarms(draws[0].take(near), shift.layout)]
    return (
        shift.name,
        _delay([_changes(one, "adwin") for one in seen], BEFORE),
        _delay([[at for at, *_ in one.drifted] for one in seen], BEFORE),
        _delay([_confirmed(one) for one in seen], BEFORE),
        _delay([_changes(one, "page_hinkley") for one in seen], BEFORE),
        _delay(kswin, KSWIN_BEFORE),
        _evidently(bank, shift),
    )


def _changes(seen: Seen, detector: str) -> list[int]:
    return [at for at, change in seen.changes if change.detector == detector]


def _confirmed(seen: Seen) -> list[int]:
    return [at for at, found in seen.confirmed if found.change.detector == "adwin"]


def _delay(alarms: Iterable[Sequence[int]], before: int) -> str:
    firsts = [min((at for at in run if at > before), default=None) for run in alarms]
    found = sorted(at - before for at in firsts if at is not None)
    if len(found) <= len(firsts) / 2:
        return f"{len(found)} of {len(firsts)}" if found else "–"
    # Runs without a detection count as the latest.
    return f"{found[(len(firsts) - 1) // 2]:,}"


def _evidently(bank: Bank, shift: Shift) -> str:
    random = np.random.default_rng(0)
    shifted = round(EVIDENTLY_LEADS * shift.share)
    now = _joined(
        _some(shift.after, shifted, random), _some(shift.before, EVIDENTLY_LEADS - shifted, random)
    )
    reference = bank.trained if shift.before is bank.rows else shift.before
    columns, is_drift = evidently_columns(
        *(_only(rows, shift) for rows in (now, _some(reference, EVIDENTLY_REFERENCE, random)))
    )
    if not columns:
        return "–"
    return f"{EVIDENTLY_LEADS:,} ({len(columns)}{', dataset' if is_drift else ''})"


def _some(rows: Rows, n: int, random: np.random.Generator) -> Rows:
    return rows.take(random.integers(0, len(rows), n))


def _joined(one: Rows, other: Rows) -> Rows:
    columns: dict[str, Any] = {
        name: np.concatenate((v, np.asarray(other.columns[name])))
        if isinstance(v, np.ndarray)
        else [*v, *other.columns[name]]
        for name, v in one.columns.items()
    }
    return Rows(
        columns,
        np.concatenate((one.scores, other.scores)),
        np.concatenate((one.codes, other.codes)),
    )


def _only(rows: Rows, shift: Shift) -> Rows:
    names = {field.name for field in shift.layout.fields}
    columns = {name: v for name, v in rows.columns.items() if name in names}
    return Rows(columns, rows.scores, rows.codes)


def _false_alarms(bank: Bank) -> Iterator[Sequence[str]]:
    draws = [
        draw(bank.rows, STILL, np.random.default_rng(seed))
        for seed in range(100, 100 + STILL_DRAWS)
    ]
    seen = [replay(leads, bank.layout, season_ms=0, page_hinkley=True) for leads in draws]
    total = f"{STILL * STILL_DRAWS:,}"
    yield "ADWIN, all streams", str(sum(len(_changes(one, "adwin")) for one in seen)), total
    yield "windows, any field and horizon", str(sum(len(one.drifted) for one in seen)), total
    yield "confirmed", str(sum(len(one.confirmed) for one in seen)), total
    yield "Page-Hinkley", str(sum(len(_changes(one, "page_hinkley")) for one in seen)), total
    kswin = kswin_alarms(draws[0].take(slice(0, STILL // 2)), bank.layout)
    yield "KSWIN", str(len(kswin)), f"{STILL // 2:,}"
    random = np.random.default_rng(1)
    columns = [len(evidently_columns(*_pair(bank, random))[0]) for _ in range(EVIDENTLY_DRAWS)]
    yield "Evidently, columns", str(sum(columns)), f"{EVIDENTLY_LEADS * EVIDENTLY_DRAWS:,}"


def _pair(bank: Bank, random: np.random.Generator) -> tuple[Rows, Rows]:
    return (
        _some(bank.rows, EVIDENTLY_LEADS, random),
        _some(bank.trained, EVIDENTLY_REFERENCE, random),
    )


def _seasons(bank: Bank) -> Iterator[Sequence[str]]:
    for name, after in (
        ("none", None),
        *((f"age + {size} sd", bank.older(size)) for size in (0.25, 0.5, 1.0)),
    ):
        layout, leads, shift_at = day_and_night(bank, after, seed=1)
        seen = replay(leads, layout, season_ms=DAY_MS)
        later = [(at, found) for at, found in seen.confirmed if at > shift_at]
        always = replay(leads.take(slice(0, shift_at)), layout, season_ms=0) if not after else None
        yield (
            name,
            str(len([at for at in _changes(seen, "adwin") if at <= shift_at])),
            str(len(seen.confirmed) - len(later)),
            str(len(always.confirmed)) if always else "as above",
            str(len(later)),
            f"{later[0][0] - shift_at:,}" if later else "–",
            later[0][1].by.name if later else "",
        )


if __name__ == "__main__":
    main()
