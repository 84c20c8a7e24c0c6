"""Check of the schema registry: it answers, and LeadScore's schemas fit it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from model.bundle import describe_bundle
from model.metadata import BundleError
from model.registry import Registry
from schemas.errors import StartupError
from schemas.store import Schema
from stream.doctor.finding import Finding, Surroundings, fail, ok, warn
from stream.process.model_trial import Trials
from stream.schema_registry.compatibility import SubjectReport, check
from stream.schema_registry.confluent_client import open_schema_registry
from stream.schema_registry.registry import RegistryUnavailableError, SchemaRegistry
from stream.schema_registry.subjects import Subject, leads_subject, scored_subject
from stream.scoring.contract_check import contract_of
from stream.settings import PREFIX, Settings

__all__ = ["check_schema_registry"]


async def check_schema_registry(at: Surroundings) -> Sequence[Finding]:
    """Check that the schema registry answers, and that LeadScore's schemas fit it.

    There is nothing to find if the settings name none.
    """
    try:
        registry = open_schema_registry(at.settings)
    except StartupError as error:
        sentence, _, remedy = str(error).rpartition(": ")
        return [fail(sentence, remedy)]
    if registry is None:
        return []
    contract = await asyncio.to_thread(_contract, at.settings)
    subjects = [] if contract is None else [leads_subject(at.settings, contract)]
    try:
        return await findings(registry, at.settings, [*subjects, scored_subject(at.settings)])
    finally:
        await registry.close()


async def findings(
    registry: SchemaRegistry, settings: Settings, subjects: Sequence[Subject]
) -> Sequence[Finding]:
    """Return a finding for each subject, or one if the registry does not answer."""
    try:
        reports = [await check(registry, subject) for subject in subjects]
    except RegistryUnavailableError as error:
        return [
            fail(
                f"{error}, so leads with ids that are not known wait",
                f"start the registry, or correct {PREFIX}SCHEMA_REGISTRY_*",
            )
        ]
    return [_finding(report, settings) for report in reports]


def _finding(report: SubjectReport, settings: Settings) -> Finding:
    name = report.subject.name
    is_written = settings.output_format == "confluent" and name == scored_subject(settings).name
    if is_written and report.schema_id is None:
        return fail(
            f"{name} does not have {report.subject.schema.full_name}, which scored events are to be"
            " written with",
            "register it with `leadscore schemas register`",
        )
    if report.problem is not None:
        sentence, _, remedy = report.problem.rpartition(": ")
        return (warn if report.is_compatible else fail)(sentence, remedy)
    number = "is not registered" if report.schema_id is None else f"has id {report.schema_id}"
    return ok(f"{report.subject.schema.full_name} fits {name} ({report.level}) and {number}")


def _contract(settings: Settings) -> Schema | None:
    try:
        bundle = describe_bundle(Registry(settings.registry).resolve(settings.model), Trials())
        return contract_of(bundle, settings)
    except (BundleError, StartupError, OSError):  # other checks report it
        return None
