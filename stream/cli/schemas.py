"""`leadscore schemas`: check LeadScore's schemas against a schema registry, and register them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from model.bundle import describe_bundle
from model.registry import Registry
from schemas.errors import StartupError
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials
from stream.schema_registry.compatibility import SubjectReport, check, register
from stream.schema_registry.confluent_client import open_schema_registry
from stream.schema_registry.registry import RegistryUnavailableError, SchemaRegistry
from stream.schema_registry.subjects import Subject, leads_subject, scored_subject
from stream.scoring.contract_check import contract_of
from stream.settings import PREFIX, Settings, load_settings

__all__ = ["schemas"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line per subject.")
ONLY = click.option(
    "--only",
    type=click.Choice(["leads", "scored"]),
    help="Only the leads' contract, or only the scored events.  [default: both]",
)


@click.group()
def schemas() -> None:
    """Check LeadScore's schemas against a schema registry, and register them.

    \b
      leadscore schemas check
      leadscore schemas register --dry-run

    The registry is the one of LEADSCORE_SCHEMA_REGISTRY_URL; the subjects are named after the
    topics (TopicNameStrategy): leads.created-value and leads.scored-value.
    """  # noqa: D301


@schemas.command(name="check")
@ONLY
@AS_JSON
def check_subjects(only: str | None, *, as_json: bool) -> None:
    """Check that LeadScore's schemas fit the registry.

    \b
      leadscore schemas check
      leadscore schemas check --only scored --json

    The contract must be able to read leads of the latest registered schema (BACKWARD); every
    version of the scored event must read every other one (FULL_TRANSITIVE).

    Exit codes: 0 all fit; 1 one does not, its line says what to do; 2 an option is invalid; 3 the
    registry can't be asked.
    """  # noqa: D301
    with exit_codes():
        reports = _with_registry(load_settings(), only, registers=False)
    for report in reports:
        _show(report, as_json=as_json)
    _end(reports)


@schemas.command(name="register")
@ONLY
@click.option("--dry-run", is_flag=True, help="Show what would be registered, and change nothing.")
@AS_JSON
def register_subjects(only: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Register LeadScore's schemas, and set their levels.

    \b
      leadscore schemas register --dry-run
      leadscore schemas register --only scored

    They are the leads' contract (level BACKWARD) and the scored event (FULL_TRANSITIVE). What is
    registered already stays as it is, and so does a subject of leads in JSON.

    Exit codes: 0 done; 1 a schema is not compatible: nothing of its subject was changed, or its
    level alone; 2 an option is invalid; 3 the registry can't be asked or refuses.
    """  # noqa: D301
    with exit_codes():
        reports = _with_registry(load_settings(), only, registers=not dry_run)
    for report in reports:
        _show(report, as_json=as_json, would_register=dry_run)
    _end([report for report in reports if not dry_run or not report.can_be_registered])


def _with_registry(
    settings: Settings, only: str | None, *, registers: bool
) -> Sequence[SubjectReport]:
    registry = open_schema_registry(settings)
    if registry is None:
        raise StartupError(
            f"expected a schema registry: set {PREFIX}SCHEMA_REGISTRY_URL to its address"
        )
    subjects = _subjects(settings, only)
    try:
        return asyncio.run(_reports(registry, subjects, registers=registers))
    except RegistryUnavailableError as error:
        raise StartupError(f"{error}: start it, or correct {PREFIX}SCHEMA_REGISTRY_*") from None


def _subjects(settings: Settings, only: str | None) -> Sequence[Subject]:
    found = []
    if only != "scored":
        bundle = describe_bundle(Registry(settings.registry).resolve(settings.model), Trials())
        found.append(leads_subject(settings, contract_of(bundle, settings)))
    if only != "leads":
        found.append(scored_subject(settings))
    return found


async def _reports(
    registry: SchemaRegistry, subjects: Sequence[Subject], *, registers: bool
) -> Sequence[SubjectReport]:
    try:
        reports = [await check(registry, subject) for subject in subjects]
        if registers:
            reports = [await register(registry, report) for report in reports]
        return reports
    finally:
        await registry.close()


def _show(report: SubjectReport, *, as_json: bool, would_register: bool = False) -> None:
    state = _state(report, would_register=would_register)
    if as_json:
        found: dict[str, Any] = {
            "subject": report.subject.name,
            "schema": report.subject.schema.full_name,
            "state": state,
            "kind": report.kind,
            "level": report.level,
            "id": report.schema_id,
            "is_compatible": report.is_compatible,
            "problem": report.problem,
        }
        print_json(found)
        return
    number = "not registered" if report.schema_id is None else f"id {report.schema_id}"
    problem = "" if report.problem is None else f": {report.problem}"
    click.echo(f"{state:<8} {report.subject.name} (level {report.level}, {number}){problem}")


def _state(report: SubjectReport, *, would_register: bool) -> str:
    if would_register and report.can_be_registered:
        needed = report.schema_id is None or report.problem is not None
        return "register" if needed else "ok"
    return "ok" if report.problem is None else "wrong"


def _end(reports: Sequence[SubjectReport]) -> None:
    if any(report.problem is not None for report in reports):
        raise SystemExit(1)
