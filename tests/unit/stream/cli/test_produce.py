"""The command without Kafka: what it asks for, and how it fails."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stream.cli.produce import produce


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(produce, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.csv"], "no file missing.csv"),
        (["{file}", "--id", "nobody"], "no column 'nobody' (--id)"),
        (["{file}", "--schema", "lead_created", "--time", "then"], "no column 'then' (--time; or"),
        (["{file}"], "--schema NAME"),
        (["{file}", "--schema", "nothing"], "nothing"),
        (["{file}", "--schema", "missing.avsc"], "missing.avsc"),
        (["--rate", "5", "--speed", "2"], "--rate and --speed"),
        (["--rate", "fast"], "a number above 0"),
        (["--rate", "0"], "a number above 0"),
        (["--bad", "2"], "a share from 0 to 1"),
        (["--drift", "company_size"], "expected FIELD=CHANGE"),
        (["--count", "-1"], "--count"),
        (["--outcomes", "y"], "expected --outcomes COLUMN=VALUE"),
        (["--outcomes", "y=yes"], "give a FILE"),
        (["--outcome-after", "soon"], "a span of time"),
    ],
)
def test_unusable_input_is_exit_code_2_and_a_sentence(
    leads_csv: Path, arguments: Any, says: str
) -> None:
    result = run(*(argument.format(file=leads_csv) for argument in arguments))
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_no_kafka_is_exit_code_3_and_a_sentence() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    result = run("--bootstrap-servers", address, "--count", "1")
    assert result.exit_code == 3, result.output
    assert address in result.stderr


def test_a_dry_run_counts_the_events_and_asks_no_broker() -> None:
    result = run("--count", "10", "--dry-run", "--json", "--bootstrap-servers", "nowhere.invalid:1")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert (shown["is_dry_run"], shown["events"], shown["contract"]) == (True, 10, "lead_created")
    assert shown["bytes"] > 0


def test_a_dry_run_without_an_end_is_refused() -> None:
    result = run("--count", "0", "--dry-run")
    assert result.exit_code == 2
    assert "--count above 0" in result.stderr
