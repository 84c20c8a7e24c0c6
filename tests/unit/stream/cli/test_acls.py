"""`leadscore acls`: commands that a shell takes, and JSON."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import get_args

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli.acls import ROLES, acls
from stream.kafka.access import uses_of
from stream.kafka.declared_rights import rights_of
from stream.kafka.rights import refusal
from stream.settings import Settings
from stream.settings.worker import WorkerSettings

LOG_IN = {
    "LEADSCORE_SECURITY_PROTOCOL": "SASL_SSL",
    "LEADSCORE_SASL_USERNAME": "ann of sales",
    "LEADSCORE_SASL_PASSWORD": "hush-hush",
}


def run(*options: str, **environment: str) -> Result:
    return CliRunner().invoke(acls, options, env=environment)


def commands(output: str) -> list[list[str]]:
    return [shlex.split(line) for line in output.splitlines() if not line.startswith("#")]


def test_commands_of_one_role() -> None:
    shown = run("--role", "score", "--delivery", "exactly_once", **LOG_IN)
    assert shown.exit_code == 0
    assert "hush-hush" not in shown.output
    begin = ["kafka-acls.sh", "--bootstrap-server", "localhost:9092"]
    begin += ["--command-config", "admin.properties", "--add"]
    begin += ["--allow-principal", "User:ann of sales"]
    assert commands(shown.output) == [
        [*begin, "--operation", "Read", "--topic", "leads.created"],
        [*begin, "--operation", "Write", "--topic", "leads.scored"],
        [*begin, "--operation", "Write", "--topic", "leads.created.dlq"],
        [*begin, "--operation", "Write", "--topic", "leads.drift.partials"],
        [*begin, "--operation", "Read", "--group", "leadscore"],
        [
            *(*begin, "--operation", "Write", "--transactional-id", "leadscore/leads.created/"),
            *("--resource-pattern-type", "prefixed"),
        ],
    ]
    optional = [line[2:] for line in shown.output.splitlines() if line.startswith("# kafka-acls")]
    assert shlex.split(optional[0]) == [*begin, "--operation", "Describe", "--cluster"]
    assert len(optional) == 5


def test_operations_on_one_resource_are_one_command() -> None:
    shown = run("--role", "drift", "--principal", "User:d")
    [reports] = [words for words in commands(shown.output) if words[-1] == "leads.drift"]
    assert reports[3:] == [
        *("--add", "--allow-principal", "User:d"),
        *("--operation", "Read", "--operation", "Write", "--topic", "leads.drift"),
    ]


def test_all_roles_and_commands_by_default() -> None:
    shown = run(LEADSCORE_TOPIC_PREFIX="staging.")
    assert [line[2:] for line in shown.output.splitlines() if line[2:] in ROLES] == list(ROLES)
    named = [
        words[words.index("--topic") + 1] for words in commands(shown.output) if "--topic" in words
    ]
    assert named
    assert all(name.startswith("staging.") for name in named)


@pytest.mark.parametrize("role", get_args(WorkerSettings.model_fields["role"].annotation))
def test_a_worker_that_is_refused_is_given_a_command_that_prints_rights(role: str) -> None:
    settings = Settings(role=role, archive="archive", outcome_store=Path("outcomes"))
    uses = uses_of(settings)
    message = refusal(settings, rights_of(settings, uses), uses)
    [command] = re.findall("`leadscore acls (.*?)`", message)
    assert commands(run(*command.split()).output)


def test_json_is_a_line_for_each_right() -> None:
    shown = run("--json", "--role", "score", "--role", "produce", "--principal", "User:s")
    records = [orjson.loads(line) for line in shown.output.splitlines()]
    assert {record["role"] for record in records} == {"score", "produce"}
    assert records[0] == {
        "role": "score",
        "principal": "User:s",
        "operation": "Read",
        "resource_type": "topic",
        "resource_name": "leads.created",
        "pattern_type": "literal",
        "is_optional": False,
    }
    assert [r["operation"] for r in records if r["role"] == "produce"] == ["Write"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_name_in_a_certificate_must_be_given(options: tuple[str, ...]) -> None:
    refused = run(*options, LEADSCORE_SECURITY_PROTOCOL="SSL")
    assert refused.exit_code == 2
    assert "--principal 'User:CN=...'" in refused.output
