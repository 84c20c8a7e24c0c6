"""Every command keeps the conventions: --help, --json, --dry-run, exit codes and Ctrl-C.

A command that is not in the table fails the first test: its author says there what it does.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import fsspec
import pytest
from click.testing import CliRunner, Result
from fsspec.implementations.memory import MemoryFileSystem

from model.registry import Alias, Registry
from stream.__main__ import main
from testing.made import MADE
from tests.unit.small_model import SmallModel

# A connection that is cut while it opens may be left to the garbage collector by the client.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("tried_once"),
]

EXIT_UNREACHABLE, EXIT_CTRL_C = 3, 130


@dataclass(frozen=True)
class Does:
    """A command, as far as the conventions depend on it."""

    call: str = ""
    """Arguments of a valid call."""
    asks_kafka: bool = False
    writes: bool = False
    """Whether it changes something besides its own output; then it has `--dry-run`."""
    why_no_json: str = ""
    why_no_dry_run: str = ""
    unreachable: int = EXIT_UNREACHABLE
    """Exit code if Kafka can't be reached."""
    waits_in: str = ""
    """A function that a command that does not ask Kafka calls: Ctrl-C is pressed in it."""


REGISTRY, ALIASES = "stream.cli.models.Registry", "stream.cli.models_alias.Registry"
CANARIES = "stream.cli.models_canary.Registry"
READ_CONTENT = "stream.cli.score.read_content"
SHOW, SERVICE = "a show for people", "a service: its log is JSON (LEADSCORE_LOG_FORMAT)"
TABLE = {
    "demo": Does(
        "--contacts leads.csv",
        why_no_json=SHOW,
        why_no_dry_run=SHOW,
        writes=True,
        waits_in="stream.cli.demo.open_broker",
    ),
    "train": Does("leads.csv --target won", writes=True, waits_in="features.table_file.read_table"),
    "models list": Does(waits_in=REGISTRY),
    "models show": Does("leads", waits_in=REGISTRY),
    "models contract": Does("leads", why_no_json="it is an Avro schema", waits_in=REGISTRY),
    "models verify": Does("leads", waits_in=REGISTRY),
    "models alias set": Does("leads production 1 --force", writes=True, waits_in=ALIASES),
    "models alias remove": Does("leads production", writes=True, waits_in=ALIASES),
    "models canary start": Does("leads/1", writes=True, waits_in=CANARIES),
    "models canary status": Does("leads", waits_in=CANARIES),
    "models canary abort": Does("leads", writes=True, waits_in=CANARIES),
    "models canary promote": Does("leads", writes=True, waits_in=CANARIES),
    "models promote": Does("leads 1 --force", writes=True, waits_in=ALIASES),
    "models rollback": Does("leads", writes=True, waits_in=ALIASES),
    "models archive": Does("leads 1", writes=True, waits_in="stream.cli.models_archive.Registry"),
    "models history": Does("leads", waits_in="stream.cli.models_history.Registry"),
    "models export": Does(
        "leads --mlflow out", writes=True, waits_in="stream.cli.models_export.Registry"
    ),
    "models benchmark": Does("leads", waits_in="stream.cli.models_benchmark.Registry"),
    "models bands": Does("leads --high 50/day", asks_kafka=True, writes=True),
    "models verdict": Does("leads --live 1 --candidate 2", asks_kafka=True),
    "models at": Does("1h", waits_in="stream.cli.models_history.Registry"),
    "score": Does("leads.jsonl", writes=True, waits_in=READ_CONTENT),
    "explain": Does("L-1", asks_kafka=True),
    "erase": Does("L-1", asks_kafka=True, writes=True),
    "topics create": Does("--retention 7d", asks_kafka=True, writes=True),
    "topics check": Does(asks_kafka=True),
    "topics list": Does(asks_kafka=True),
    "doctor": Does(asks_kafka=True, unreachable=1),  # its result: docs/adr/0010-exit-codes.md
    "acls": Does(waits_in="stream.cli.acls.load_settings"),
    "worker": Does(why_no_json=SERVICE, why_no_dry_run=SERVICE, writes=True),
    "schemas check": Does(waits_in="stream.cli.schemas.load_settings"),
    "schemas register": Does(writes=True, waits_in="stream.cli.schemas.load_settings"),
    "serve": Does(why_no_json=SERVICE, why_no_dry_run=SERVICE),
    "hooks": Does(why_no_json=SERVICE, why_no_dry_run=SERVICE),
    "sink": Does("jsonl --to scores", why_no_json=SERVICE, writes=True),
    "produce": Does("--count 5", asks_kafka=True, writes=True),
    "lag": Does(asks_kafka=True),
    "drift status": Does(asks_kafka=True),
    "quality": Does(asks_kafka=True),
    "dlq stats": Does(asks_kafka=True),
    "dlq list": Does(asks_kafka=True),
    "dlq show": Does("0/0", asks_kafka=True),
    "dlq try": Does(asks_kafka=True),
    "dlq redrive": Does(asks_kafka=True, writes=True),
    "dlq purge": Does("--yes", asks_kafka=True, writes=True),
    "replay start": Does("--from beginning", asks_kafka=True, writes=True),
    "replay resume": Does("some-replay", asks_kafka=True, writes=True),
    "replay list": Does(asks_kafka=True),
    "replay show": Does("some-replay", asks_kafka=True),
    "replay cancel": Does("some-replay", asks_kafka=True, writes=True),
    "rescore": Does("--untouched 30d", asks_kafka=True, writes=True),
    "retrain run": Does(asks_kafka=True, writes=True),
    "retrain request": Does(asks_kafka=True, writes=True),
    "retrain list": Does(asks_kafka=True),
    "retrain show": Does("some-retraining", asks_kafka=True),
    "retrain approve": Does("some-retraining", asks_kafka=True, writes=True),
    "diff": Does("leads leads", asks_kafka=True),
    "snapshot": Does("--dry-run", asks_kafka=True, writes=True),
    "completion": Does(
        "bash", why_no_json="it is a script", waits_in="stream.cli.completion.get_completion_class"
    ),
}
NEED_MORE = ("demo", "worker", "serve", "sink")
"""Commands that would start a process or a broker."""
ASKING = [path for path, does in TABLE.items() if does.asks_kafka]
WAITING = [path for path, does in TABLE.items() if does.waits_in]


def walk(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield each command below a group, groups included, with its path."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        at = f"{path} {name}".strip()
        yield at, command
        if isinstance(command, click.Group):
            yield from walk(command, at)


COMMANDS = dict(walk(main))
LEAVES = [path for path, command in COMMANDS.items() if not isinstance(command, click.Group)]
each_command = pytest.mark.parametrize("path", LEAVES)


def option(path: str, name: str) -> click.Option | None:
    found = [one for one in COMMANDS[path].params if name in one.opts]
    assert len(found) <= 1
    return found[0] if found and isinstance(found[0], click.Option) else None


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, words, env=environment)


def test_every_command_says_in_the_table_what_it_does() -> None:
    assert set(TABLE) == set(LEAVES)


# --help


def examples(command: click.Command) -> list[str]:
    """Return the calls of `leadscore` in a help text, without what stands beside them."""
    lines = re.findall(r"^\s+(?:.*\|\s*|source <\()?leadscore (.+)$", command.help or "", re.M)
    return [re.split(r"\s{2,}|\s[|>]|\)", line)[0] for line in lines]


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_an_example_of_the_command(path: str) -> None:
    called = examples(COMMANDS[path])
    short = path.replace("alias set", "alias")  # `set` may be left out
    assert any(f"{call} ".startswith((f"{path} ", f"{short} ")) for call in called), called


@pytest.mark.parametrize("path", ["", *COMMANDS])
def test_the_examples_of_help_are_calls_that_there_are(path: str) -> None:
    """An option that was renamed stayed in the examples."""
    for call in examples(COMMANDS[path] if path else main):
        command, words = main, shlex.split(call)
        while isinstance(command, click.Group):
            context = click.Context(command)
            _, found, words = command.resolve_command(context, words)
            assert found is not None
            command = found  # type: ignore[assignment]
        try:
            command.make_context(call, words)
        except click.BadParameter as error:
            if "does not exist" not in error.message:  # as the folder of an example
                raise


@each_command
def test_help_lists_the_exit_codes(path: str) -> None:
    listed = (COMMANDS[path].help or "").partition("Exit codes: ")[2]
    assert re.match(r"0 \w", listed) or listed.startswith("as of `leadscore "), listed


# --json and --dry-run


@each_command
def test_json_prints_ndjson(path: str) -> None:
    found = option(path, "--json")
    assert bool(found) is not bool(TABLE[path].why_no_json)
    if found:
        assert found.is_flag
        assert "NDJSON" in (found.help or "")


@each_command
def test_only_a_command_that_writes_has_a_dry_run(path: str) -> None:
    does = TABLE[path]
    assert bool(option(path, "--dry-run")) is (does.writes and not does.why_no_dry_run)


# Exit codes


@pytest.fixture
def leadscore(
    model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Call a command as the table says, in a folder with leads, and with a registry."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leads.csv").write_text("lead_id,won\n1,yes\n2,no\n")
    (tmp_path / "leads.jsonl").write_text(json.dumps(model.leads[0]))
    shutil.copytree(model.registry, tmp_path / "models")
    shutil.copytree(tmp_path / "models/leads/1", tmp_path / "models/leads/2")
    for version in ("1", "2"):  # the one before is there, too
        Registry(tmp_path / "models").set_alias("leads", Alias.PRODUCTION, version, MADE)

    def call(path: str, *more: str, port: int = 1, registry: str = "") -> Result:
        return run(
            *path.split(),
            *shlex.split(TABLE[path].call),
            *more,
            LEADSCORE_KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{port}",
            LEADSCORE_REGISTRY=registry or str(tmp_path / "models"),
            LEADSCORE_MODEL="leads",
        )

    return call


PASSWORD = "s3cr3tHere"


@pytest.fixture
def registry_with_password(leadscore: Callable[..., Result], tmp_path: Path) -> Iterator[str]:
    """URL of a copy of the registry in a store, with a password in it."""
    url = f"memory://keeper:{PASSWORD}@store/models"
    files, folder = fsspec.url_to_fs(url)
    files.put(str(tmp_path / "models"), folder, recursive=True)
    yield url
    files.rm(folder, recursive=True)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and that nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@each_command
def test_an_unknown_option_is_exit_code_2(path: str) -> None:
    refused = run(*path.split(), "--no-such-option")
    assert refused.exit_code == 2
    assert "--no-such-option" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize("path", ASKING)
def test_a_kafka_that_cannot_be_reached_is_one_sentence_with_its_address(
    path: str, leadscore: Callable[..., Result], closed_port: int
) -> None:
    result = leadscore(path, port=closed_port)
    assert result.exit_code == TABLE[path].unreachable, result.output
    assert isinstance(result.exception, SystemExit), "an exception that is no refusal"
    if path != "doctor":  # its findings are its output
        assert result.stdout == ""
        [sentence] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert f"127.0.0.1:{closed_port}" in sentence


@pytest.mark.parametrize("path", ASKING)
def test_an_invalid_setting_is_exit_code_3(
    path: str, leadscore: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADSCORE_DELIVERY", "perhaps_once")
    result = leadscore(path)
    assert result.exit_code == 3, result.output
    assert "LEADSCORE_DELIVERY" in result.stderr
    assert result.stdout == ""


# Passwords


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (path, options)
        for path in LEAVES
        if path not in NEED_MORE
        for options in ((), ("--json",))
        if not (options and TABLE[path].why_no_json)
    ],
)
def test_no_output_has_the_password_of_a_registrys_url(
    path: str,
    options: Sequence[str],
    leadscore: Callable[..., Result],
    registry_with_password: str,
) -> None:
    result = leadscore(path, *options, registry=registry_with_password)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert PASSWORD not in result.output


@pytest.mark.parametrize("path", [p for p in LEAVES if p.startswith("models ")])
def test_a_registry_that_cannot_be_read_is_named_without_its_password(
    path: str, leadscore: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's own error quotes the URL, too."""
    url = f"memory://keeper:{PASSWORD}@store/models"

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError(f"{url}?token={PASSWORD} is unavailable")

    for name in ("cat_file", "ls", "info"):
        monkeypatch.setattr(MemoryFileSystem, name, refuse)
    result = leadscore(path, registry=url)
    assert result.exit_code in (1, 2), result.output
    assert "memory://keeper:***@store/models" in result.stderr
    assert PASSWORD not in result.output


# Ctrl-C


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that never answers; whoever connects to it first gets a Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def press() -> None:
            with suppress(OSError):
                held.append(server.accept()[0])
                os.kill(os.getpid(), signal.SIGINT)

        held: list[socket.socket] = []
        pressing = threading.Thread(target=press, daemon=True)
        pressing.start()
        yield server.getsockname()[1]
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    pressing.join()
    for connection in held:
        connection.close()


def assert_stopped(result: Result) -> None:
    assert result.exit_code == EXIT_CTRL_C, result.output
    assert "Traceback" not in result.output
    assert "Aborted" not in result.output


@pytest.mark.parametrize("path", ASKING)
def test_ctrl_c_while_kafka_does_not_answer_is_exit_code_130(
    path: str, leadscore: Callable[..., Result], silent_port: int
) -> None:
    assert_stopped(leadscore(path, port=silent_port))


@pytest.mark.parametrize("path", WAITING)
def test_ctrl_c_without_kafka_is_exit_code_130(
    path: str, leadscore: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TABLE[path].waits_in, interrupted)
    assert_stopped(leadscore(path))


# NDJSON of the commands without Kafka; tests/integration/test_conventions.py has the others

HAVE_THEIR_OWN = (
    *("train", "score", "schemas check", "schemas register"),
    *("models canary start", "models canary abort", "models canary promote"),
)
"""Commands whose own tests read their NDJSON: they need leads, a schema registry or a canary."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.long if path == "models benchmark" else ())
        for path, does in TABLE.items()
        if not (does.asks_kafka or does.why_no_json or path in HAVE_THEIR_OWN)
    ],
)
def test_each_line_of_json_is_an_object(path: str, leadscore: Callable[..., Result]) -> None:
    more = ("--dry-run",) if TABLE[path].writes else ()
    result = leadscore(path, "--json", *more)
    assert result.exit_code == 0, result.output
    assert result.stdout
    assert all(isinstance(json.loads(line), dict) for line in result.stdout.splitlines())
    assert result.stderr == ""
