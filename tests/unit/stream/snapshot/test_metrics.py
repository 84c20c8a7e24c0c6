"""Metrics of snapshots: in a text file that a new process continues, and over HTTP."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from schemas.errors import InputError
from stream.snapshot.archive import SnapshotFolder
from stream.snapshot.metrics import SnapshotOutcomes
from tests.unit.stream.snapshot.test_archive import SUMMARY


def outcomes(folder: Path, textfile: Path | None = None) -> SnapshotOutcomes:
    return SnapshotOutcomes(period=3600.0, output=folder / "snapshots", textfile=textfile)


def value(text: str, name: str) -> float | None:
    found = [line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def test_a_success_is_written_to_the_text_file(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.prom"
    outcomes(tmp_path, file).success(SUMMARY)
    text = file.read_text()
    assert value(text, "leadscore_snapshot_drift_share_ratio") == 0.2
    assert str(SUMMARY.rows) in text.replace(".0", "")


def test_a_new_process_continues_the_count_of_failures(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.prom"
    outcomes(tmp_path, file).failure()
    outcomes(tmp_path, file).failure()
    assert value(file.read_text(), "leadscore_snapshot_failures_total") == 2


def test_the_newest_snapshot_of_the_folder_is_the_last_success(tmp_path: Path) -> None:
    SnapshotFolder(tmp_path / "snapshots").add("2026-05-01", "<html>", "{}", SUMMARY, 3)
    file = tmp_path / "snapshot.prom"
    outcomes(tmp_path, file).failure()
    assert value(file.read_text(), "leadscore_snapshot_drift_share_ratio") == 0.2


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_text("{ these are no metrics")
    with pytest.raises(InputError, match="but it holds something else"):
        outcomes(tmp_path, file)
    assert file.read_text() == "{ these are no metrics"


def test_a_file_in_no_folder_is_refused_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"its folder does not exist: .*--textfile"):
        outcomes(tmp_path, tmp_path / "missing" / "snapshot.prom")


def test_a_file_that_cannot_be_written_later_does_not_end_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = outcomes(tmp_path, tmp_path / "snapshot.prom")

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("stream.snapshot.metrics.write_to_textfile", full)
    made.success(SUMMARY)
    assert "No space left on device" in caplog.text


async def test_the_metrics_are_served_over_http(tmp_path: Path) -> None:
    made = outcomes(tmp_path)
    made.failure()
    server = made.server("127.0.0.1", 0)
    await server.start()
    try:
        url = f"http://127.0.0.1:{server.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert value(await answer.text(), "leadscore_snapshot_failures_total") == 1
    finally:
        await server.stop()
