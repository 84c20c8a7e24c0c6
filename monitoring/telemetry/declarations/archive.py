"""Metrics of workers that archive leads."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "ARCHIVED_BYTES",
    "ARCHIVED_FILES",
    "ARCHIVED_RECORDS",
    "ARCHIVE_IS_FULL",
    "ARCHIVE_LAG_RECORDS",
    "ARCHIVE_LAG_SECONDS",
    "ARCHIVE_LOST_RECORDS",
]

ARCHIVED_RECORDS = Declaration(
    "leadscore_archived_records_total",
    "counter",
    "records",
    (),
    "Records in files of the archive that this worker has completed.",
    "archive",
)
ARCHIVED_FILES = Declaration(
    "leadscore_archived_files_total",
    "counter",
    "files",
    (),
    "Files of the archive that this worker has completed.",
    "archive",
)
ARCHIVED_BYTES = Declaration(
    "leadscore_archived_bytes_total",
    "counter",
    "bytes",
    (),
    "Bytes of these files, compressed.",
    "archive",
)
ARCHIVE_LOST_RECORDS = Declaration(
    "leadscore_archive_lost_records_total",
    "counter",
    "records",
    ("topic", "partition", "reason"),
    "Offsets of the source topic that were removed before they were archived: an upper bound of"
    " the leads that no replay can reach.",
    "archive",
)
ARCHIVE_LAG_RECORDS = Declaration(
    "leadscore_archive_lag_records",
    "gauge",
    "records",
    ("topic", "partition"),
    "Records of an assigned partition that are in no complete file.",
    "archive",
)
ARCHIVE_LAG_SECONDS = Declaration(
    "leadscore_archive_lag_seconds",
    "gauge",
    "seconds",
    ("topic", "partition"),
    "Age of the oldest of these records; 0 if there is none.",
    "archive",
)
ARCHIVE_IS_FULL = Declaration(
    "leadscore_archive_full",
    "gauge",
    "1",
    (),
    "1 while nothing is archived because the disk is full; else 0.",
    "archive",
)
