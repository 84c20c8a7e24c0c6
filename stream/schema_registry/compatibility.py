"""Whether LeadScore's schemas fit those of the registry, and their registration."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from schemas.errors import StartupError
from schemas.store import Schema
from stream.schema_registry.lookup import SchemaLookup
from stream.schema_registry.registry import (
    IncompatibleError,
    RegistryUnavailableError,
    SchemaRegistry,
)
from stream.schema_registry.subjects import Subject, leads_subject, scored_subject, text_of
from stream.settings import PREFIX, Settings

__all__ = ["SubjectReport", "check", "register", "verify_schemas"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """How a schema of LeadScore's fits its subject.

    Attributes
    ----------
    subject
        The subject.
    kind
        AVRO, JSON or PROTOBUF: the latest version; None if there is none.
    level
        The compatibility level that holds.
    schema_id
        The id of LeadScore's schema under the subject; None if it is not registered.
    is_compatible
        Whether the registry would take LeadScore's schema as the next version.
    """

    subject: Subject
    kind: str | None
    level: str
    schema_id: int | None
    is_compatible: bool

    @property
    def can_be_registered(self) -> bool:
        """Whether the registry would take LeadScore's schema, or has it."""
        return self.is_compatible and self.kind in (None, "AVRO")

    @property
    def problem(self) -> str | None:
        """Sentence on what is wrong and what to do; None if nothing is."""
        name, schema = self.subject.name, self.subject.schema.full_name
        if self.kind == "PROTOBUF":
            return (
                f"{name} has a Protobuf schema, which LeadScore does not read: register leads as"
                " Avro or JSON"
            )
        if self.kind == "JSON" and self.subject.may_be_json:
            return None  # fields of JSON are checked lead by lead
        if self.kind == "JSON":
            return (
                f"{name} has a JSON Schema, but {schema} is written as Avro, as no JSON Schema can"
                f" be given a further property under {self.subject.level}: register it under"
                f" another topic, or write JSON without a registry ({PREFIX}OUTPUT_FORMAT=json)"
            )
        if not self.is_compatible:
            return (
                f"{schema} is not compatible with the versions of {name} (level {self.level}):"
                " compare the registered fields with it, and give new fields a default"
            )
        if self.level not in self.subject.levels:
            return (
                f"expected the compatibility level {self.subject.level} for {name}, found"
                f" {self.level}: set it with `leadscore schemas register`"
            )
        return None


async def check(registry: SchemaRegistry, subject: Subject) -> SubjectReport:
    """Compare a schema with its subject.

    Raises
    ------
    RegistryUnavailableError
        The registry does not answer.
    """
    text = text_of(subject.schema)
    kind = await registry.kind_of(subject.name)
    is_avro = kind == "AVRO"
    return SubjectReport(
        subject,
        kind=kind,
        level=await registry.level(subject.name),
        schema_id=await registry.id_of(subject.name, text) if is_avro else None,
        is_compatible=await registry.is_compatible(subject.name, text) if is_avro else True,
    )


async def register(registry: SchemaRegistry, found: SubjectReport) -> SubjectReport:
    """Set the level of a subject and register LeadScore's schema, where they differ.

    Parameters
    ----------
    registry
        The registry.
    found
        What ``check`` has found; nothing is done if it is incompatible or JSON.

    Returns
    -------
    SubjectReport
        How it is now.

    Raises
    ------
    RegistryUnavailableError
        The registry does not answer, or refuses.
    """
    subject = found.subject
    if not found.can_be_registered:
        return found
    if found.level not in subject.levels:
        await registry.set_level(subject.name, subject.level)
    schema_id = found.schema_id
    if schema_id is None:
        try:
            schema_id = await registry.register(subject.name, text_of(subject.schema))
        except IncompatibleError:  # by the level that holds from now on
            return replace(await check(registry, subject), is_compatible=False)
    return replace(await check(registry, subject), schema_id=schema_id)


async def verify_schemas(settings: Settings, lookup: SchemaLookup, contract: Schema | None) -> None:
    """Check at a worker's start that its schemas fit the registry's, and find the id to write.

    A registry that does not answer does not prevent the start unless an id to write is not known:
    leads with unknown ids wait.

    Parameters
    ----------
    settings
        The worker's settings.
    lookup
        Learns the id of scored events.
    contract
        The leads' contract; None if it is not known yet.

    Raises
    ------
    StartupError
        A schema is not compatible, or scored events can't be written in Confluent's framing.
    """
    subjects = [] if contract is None else [leads_subject(settings, contract)]
    if settings.output_format == "confluent":
        subjects.append(scored_subject(settings))
        await _find_id(lookup, subjects[-1])
    await _verify(lookup.registry, subjects)


async def _find_id(lookup: SchemaLookup, subject: Subject) -> None:
    try:
        if await lookup.id_to_write(subject.name, subject.schema, text_of(subject.schema)):
            return
        found = await check(lookup.registry, subject)
    except RegistryUnavailableError as error:
        raise StartupError(
            f"expected the id of {subject.schema.full_name} under {subject.name}, but {error}:"
            f" start the registry, or correct {PREFIX}SCHEMA_REGISTRY_URL"
        ) from None
    if not found.can_be_registered:
        raise StartupError(str(found.problem))
    raise StartupError(
        f"expected {subject.schema.full_name} to be registered under {subject.name}, but it is not:"
        " register it with `leadscore schemas register`"
    )


async def _verify(registry: SchemaRegistry, subjects: Sequence[Subject]) -> None:
    for subject in subjects:
        try:
            found = await check(registry, subject)
        except RegistryUnavailableError as error:
            log.warning("%s (the compatibility of schemas is not checked)", error)
            return
        if not found.is_compatible:
            raise StartupError(str(found.problem))
        if found.problem is not None:
            log.warning("%s", found.problem)
