"""The line of progress, and the account at the end."""

from __future__ import annotations

import re
from collections import Counter

from monitoring.telemetry.metrics import PartitionLag
from schemas.errors import ErrorCode
from stream.scoring.progress import ProgressReporter
from stream.scoring.tally import Tally
from tests.unit.stream.conftest import Show


def test_a_line_a_minute_says_rate_lag_and_dead_letters_by_code(shown: Show) -> None:
    reporter = ProgressReporter(100.0)
    lags = [PartitionLag("leads", 0, 1200, 3.0), PartitionLag("leads", 1, 34, 0.5)]
    first = Tally(90_000, Counter({ErrorCode.DECODE: 5, ErrorCode.TYPE: 22}))
    for now in (101.0, 159.0, 160.0, 161.0, 200.0):
        reporter.report(now, first, lags)
    reporter.report(220.0, Tally(90_600, first.dead), [PartitionLag("leads", 0, 0, 0.0)])
    busy, quiet = (re.sub(r"^[\d:]{8}", "00:00:00", line) for line in shown())
    assert busy == (
        "00:00:00    1,500 leads/s   lag 1,234 (3.0 s) 90,000 scored,"
        " 27 dead letters (22 TYPE, 5 DECODE)"
    )
    assert quiet == "00:00:00       10 leads/s   lag 0            600 scored"


def test_the_last_lines_are_the_totals(shown: Show) -> None:
    reporter = ProgressReporter(0.0)
    tally = Tally(7, Counter({ErrorCode.TYPE: 2}), 1)
    reporter.report_totals(303.0, tally, taken=10)
    reporter.report_totals(7200.0, tally, taken=12)
    assert shown() == [
        "Stopped    after 5 min 3 s: 10 records read, 7 scored, 2 dead letters (2 TYPE), 1 dropped",
        "Stopped    after 2 h 0 min: 12 records read, 7 scored, 2 dead letters (2 TYPE), 1 dropped;"
        " 2 were not finished: the next worker reads them again",
    ]
