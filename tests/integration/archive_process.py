"""Workers in the role archive, for tests, and what they have written."""

from __future__ import annotations

from pathlib import Path

from stream.archive.files import list_files, partition_folder
from testing.kafka_client import until
from tests.integration.worker_process import PARTITIONS, Stage, WorkerProcess

__all__ = ["archive_all", "archived", "begin_archive", "role_in", "until_archived"]


def role_in(folder: Path) -> dict[str, str]:
    """Return the environment of a worker that archives to a folder, a file a second."""
    return {
        "LEADSCORE_ROLE": "archive",
        "LEADSCORE_ARCHIVE": str(folder),
        "LEADSCORE_ARCHIVE_FILE_SECONDS": "1",
        "LEADSCORE_ARCHIVE_LEAST_FREE_MB": "16",
    }


def begin_archive(stage: Stage, folder: Path) -> WorkerProcess:
    """Start a worker without waiting for it."""
    return stage.begin(**role_in(folder))


def archived(stage: Stage, folder: Path) -> dict[int, int]:
    """Return where the files of each partition end."""
    topic = stage.settings.leads_created
    files = {n: list_files(partition_folder(folder, topic, n)) for n in range(PARTITIONS)}
    return {number: its[-1].end for number, its in files.items() if its}


async def until_archived(
    stage: Stage, folder: Path, *workers: WorkerProcess, within: float = 120.0
) -> None:
    """Wait until the last record of each partition is in a complete file."""
    records = await stage.records(stage.settings.leads_created)
    ends = {record.partition: record.offset + 1 for record in records}

    def are_archived() -> bool:
        for worker in workers:
            worker.check()
        return archived(stage, folder) == ends

    await until(are_archived, within=within, what="all leads in the archive")


async def archive_all(stage: Stage, folder: Path) -> None:
    """Archive what is in the leads topic, by a worker that is then stopped."""
    worker = begin_archive(stage, folder)
    await until_archived(stage, folder, worker)
    await worker.stop_cleanly()
