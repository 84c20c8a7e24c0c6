"""The drift worker's reports of closed windows, held against the sums of what was counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.chaos.second_audit.avro_files import AvroFiles
from tests.chaos.second_audit.records import Faults, Record

__all__ = ["WINDOW", "Windows", "check_reports"]

WINDOW = ("leads", "present", "score_sum", "engaged", "codes", "counts")
"""Window counts of a report."""

Windows = Mapping[tuple[int, str], Mapping[str, object] | None]
"""By start and model, what a window's report must say; None where it cannot be checked."""


def check_reports(
    records: Iterable[Record], expected: Windows, avro: AvroFiles, faults: Faults
) -> int:
    """Compare the reports of windows; of several of a window, the one of the most leads holds.

    Windows that are open have no report, and the audit does not know which these are; a window that
    was reported must have all its leads, and none that are not in the log.

    Returns
    -------
    int
        How many windows were compared.
    """
    latest: dict[tuple[int, str], dict[str, Any]] = {}
    for record in records:
        try:
            assert record.value is not None
            report = avro.read(record.value)
            if report["kind"] != "window":
                continue
            key = (report["window_start"], report["model_sha256"])
            if key not in latest or latest[key]["leads"] <= report["leads"]:
                latest[key] = report
        except Exception:  # whatever reading leads to
            faults.add("report_unreadable", f"reports {record.partition}:{record.offset}")
    compared = 0
    for key, report in latest.items():
        where = f"{key[0]} of {key[1][:16]}"
        if key not in expected:
            faults.add("report_of_no_lead", where)
        elif (said := expected[key]) is not None:
            compared += 1
            differing = [name for name in WINDOW if report[name] != said[name]]
            if differing:
                faults.add("report_counts", f"{where}: {', '.join(differing)}")
    return compared
