"""`leadscore acls`: the minimum Kafka rights of each role and command."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.output import print_json
from stream.kafka.access import Use, uses_of
from stream.kafka.declared_rights import Right, optional_rights_of, rights_of
from stream.process.exit_codes import exit_codes
from stream.settings import Settings, load_settings, worker

__all__ = ["acls"]

WORKERS = tuple(role for role in worker.ROLES if role != Use.SINK)
"""Roles of workers. A sink's rights are by what it writes, not by the settings of this shell."""
PARTS = {Use.COUNT, Use.TRANSACT, Use.SHADOW_TRANSACT, Use.TIMERS}
"""Uses that a worker's settings add to its role."""
COMMANDS = tuple(use for use in Use if use not in PARTS and use not in WORKERS)
ROLES = (*WORKERS, *map(str, COMMANDS))
ADMIN_CONFIG = "admin.properties"


@click.command()
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES),
    multiple=True,
    metavar="ROLE",
    help=f"Only for this role or command; may be repeated: {', '.join(ROLES)}.  [default: all]",
)
@click.option(
    "--principal",
    metavar="TYPE:NAME",
    help="Who gets the rights.  [default: User: and LEADSCORE_SASL_USERNAME]",
)
@click.option(
    "--delivery",
    type=click.Choice(["at_least_once", "exactly_once"]),
    help="How scoring workers deliver.  [default: LEADSCORE_DELIVERY]",
)
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each right.")
def acls(roles: Sequence[str], principal: str | None, delivery: str | None, as_json: bool) -> None:
    """Print the minimum Kafka rights of each role, as commands of kafka-acls.

    \b
      leadscore acls
      leadscore acls --role score --principal User:scorer
      leadscore acls --role drift --json

    Names of topics, groups and transactional ids are those of the settings (LEADSCORE_*): see
    docs/settings.md. A command after a # is optional. If Kafka requires authentication, put the
    administrator's properties into admin.properties. The command does not connect to Kafka.

    Exit codes: 0 printed, 2 no principal is known, 3 the settings are invalid.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings(**({"delivery": delivery} if delivery else {}))
        who = principal or _principal(settings)
        _require_one_line("principal", who)
        _require_one_line("group", settings.group_id)
    wanted = [role for role in ROLES if not roles or role in roles]
    if as_json:
        for role in wanted:
            for record in _records(settings, role, who):
                print_json(record)
        return
    for role in wanted:
        click.echo(f"# {role}")
        for line in _commands(settings, role, who):
            click.echo(line)


def _principal(settings: Settings) -> str:
    if settings.security_protocol.startswith("SASL"):
        return f"User:{settings.sasl_username}"
    if settings.security_protocol == "SSL":
        raise InputError(
            "expected a principal, but the name in the certificate is not known here: give"
            " --principal 'User:CN=...'"
        )
    return "User:ANONYMOUS"


def _require_one_line(name: str, text: str) -> None:
    """Refuse control characters: they could act on the terminal or start another command."""
    if (shown := for_terminal(text)) != text:
        raise InputError(
            f"expected a {name} without control characters, got {shown}: remove them, as Kafka's"
            " tools do not accept them"
        )


def _uses(settings: Settings, role: str) -> tuple[Use, ...]:
    return uses_of(settings.model_copy(update={"role": role})) if role in WORKERS else (Use(role),)


def _records(settings: Settings, role: str, principal: str) -> Iterator[dict[str, Any]]:
    uses = _uses(settings, role)
    for is_optional, rights in (
        (False, rights_of(settings, uses)),
        (True, optional_rights_of(settings, uses)),
    ):
        for right in rights:
            yield {
                "role": role,
                "principal": principal,
                "operation": right.operation.title,
                "resource_type": right.type,
                "resource_name": right.name,
                "pattern_type": "prefixed" if right.is_prefix else "literal",
                "is_optional": is_optional,
            }


def _commands(settings: Settings, role: str, principal: str) -> Iterator[str]:
    uses = _uses(settings, role)
    for mark, rights in (
        ("", rights_of(settings, uses)),
        ("# ", optional_rights_of(settings, uses)),
    ):
        for _, same in groupby(rights, key=lambda right: (right.type, right.name)):
            yield mark + _command(settings, principal, [*same])


def _command(settings: Settings, principal: str, rights: Sequence[Right]) -> str:
    """Return the command that grants rights on one resource."""
    words = ["kafka-acls.sh", "--bootstrap-server", settings.kafka_bootstrap_servers]
    if settings.security_protocol != "PLAINTEXT":
        words += ["--command-config", ADMIN_CONFIG]
    words += ["--add", "--allow-principal", principal]
    for right in rights:
        words += ["--operation", right.operation.title]
    words += [f"--{rights[0].type}", *([] if rights[0].type == "cluster" else [rights[0].name])]
    if rights[0].is_prefix:
        words += ["--resource-pattern-type", "prefixed"]
    return shlex.join(words)
