"""The command without Kafka: what its options take, and which do not go together."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli import snapshot as command
from stream.snapshot.dry_run import SnapshotPlan
from stream.snapshot.request import Order
from stream.snapshot.runner import Ended
from tests.unit.stream.snapshot.test_archive import SUMMARY


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(command.snapshot, arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--since", "1h", "--from", "2026-05-01"), "--since and --from"),
        (("--to", "2026-05-01"), "give --from too"),
        (("--every", "1h", "--from", "2026-05-01"), "--every uses a range until now"),
        (("--port", "0"), "give --every too"),
        (("--from", "2026-05-02", "--to", "2026-05-01"), "before --to"),
        (("--sample", "0"), "--sample"),
        (("--keep", "0"), "--keep"),
        (("--since", "soon"), "such as 30m"),
        (("--every", "1h", "--dry-run"), "leave --every out"),
    ],
)
def test_options_that_are_unusable_end_it_with_2(arguments: Any, says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.output


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Requests of the command, recorded instead of run."""
    monkeypatch.chdir(tmp_path)
    orders, ends = [], [Ended(0, SUMMARY)]

    async def run_snapshot(order: Any, **options: Any) -> Any:
        orders.append((Order.model_validate_json(order), options))
        return ends[-1]

    monkeypatch.setattr(command, "run_snapshot", run_snapshot)
    return orders, ends


def test_by_default_it_is_the_last_hour(orders: Any) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    [(order, options)] = orders[0]
    assert order.end - order.start == timedelta(hours=1)
    assert abs(datetime.now(UTC) - order.end) < timedelta(minutes=1)
    assert (order.sample, order.keep) == (10_000, 48)
    assert str(order.workspace) == "reports/workspace"
    assert options["memory_limit"] == 2 * 2**30
    assert "no lead in leads.created" in result.stdout


def test_a_range_and_a_folder_are_ordered_as_given(orders: Any) -> None:
    result = run(
        *("--from", "2026-05-01", "--to", "2026-05-02", "--sample", "7", "--keep", "3"),
        *("--output", "out", "--workspace", "ws", "--memory-limit", "1GiB", "--json"),
    )
    assert json.loads(result.stdout)["rows"] == SUMMARY.rows
    [(order, options)] = orders[0]
    assert (order.start.isoformat(), order.name) == (
        "2026-05-01T00:00:00+00:00",
        "2026-05-02T00-00-00Z",
    )
    assert order.range.end - order.range.start == 86_400_000
    assert (order.sample, order.keep) == (7, 3)
    assert (str(order.output), str(order.workspace)) == ("out", "ws")
    assert options["memory_limit"] == 2**30


def test_a_recurring_job_prints_a_line_of_json_for_each_snapshot(
    orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--every --json` printed sentences."""
    recorded, taken = command.run_snapshot, []  # type: ignore[attr-defined]

    async def stopping(order: Any, *, stop: Any, **options: Any) -> Any:
        taken.append(order)
        if len(taken) == 3:
            stop.set()
        return await recorded(order, stop=stop, **options)

    monkeypatch.setattr(command, "run_snapshot", stopping)
    result = run("--every", "0.01s", "--json")
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["rows"] for line in result.stdout.splitlines()] == [SUMMARY.rows] * 2


def test_a_dry_run_prints_what_would_be_read_and_written(
    orders: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def plan(*_: Any) -> SnapshotPlan:
        return SnapshotPlan("models/bank/1", 4711, Path("reports/r.html"), (Path("reports/old"),))

    monkeypatch.setattr(command, "plan_snapshot", plan)
    shown = run("--since", "7d", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "up to 4,711 records of leads.created" in shown.stdout
    assert "Removes  reports/old" in shown.stdout
    record = json.loads(run("--since", "7d", "--dry-run", "--json").stdout)
    assert (record["is_dry_run"], record["offsets"]) == (True, 4711)
    assert orders[0] == []


def test_failures_add_up_in_the_text_file_until_one_succeeds_and_stay(orders: Any) -> None:
    _, ends = orders
    ends.append(Ended(1, reason="expected more"))
    for _ in range(2):
        result = run("--textfile", "snapshot.prom")
        assert result.exit_code == 1
        assert "Error: expected more" in result.stderr
    ends.append(Ended(0, SUMMARY))
    assert run("--textfile", "snapshot.prom").exit_code == 0
    with open("snapshot.prom") as textfile:
        written = textfile.read()
    assert "leadscore_snapshot_failures_total 2.0" in written
    assert f"leadscore_snapshot_rows {float(SUMMARY.rows)}" in written


@pytest.mark.parametrize(
    ("textfile", "written", "expected"),
    [
        ("nodir/x", None, "its folder does not exist"),
        ("odd.prom", b"\xff\xfe", "can't decode"),
        ("odd.prom", b"no metrics { at all", "Prometheus' text format"),
    ],
)
def test_a_text_file_that_cannot_be_used_is_refused_before_a_snapshot_is_taken(
    orders: Any, textfile: str, written: Any, expected: str
) -> None:
    """`--textfile nodir/x` took a snapshot and ended in a traceback."""
    if written is not None:
        Path(textfile).write_bytes(written)
    result = run("--textfile", textfile)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert "Traceback" not in result.stderr
    assert orders[0] == []


def test_an_unwritable_text_file_is_reported_and_the_snapshot_is_kept(
    orders: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stream.snapshot.metrics.write_to_textfile", full)
    orders[1].append(Ended(0, SUMMARY))
    assert run("--textfile", "snapshot.prom").exit_code == 0
    assert "No space left on device" in caplog.text
