"""Checks of the registry, the model that scores, and the leads' contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from model.bundle import Bundle, describe_bundle
from model.metadata import BundleError
from model.registry import Alias, ModelNotFoundError, Registry
from schemas.errors import InputError, StartupError
from schemas.store import SchemaStore
from stream.doctor.finding import Finding, Surroundings, fail, ok, warn
from stream.process.model_trial import Trials
from stream.scoring.contract_check import verify_contract
from stream.scoring.role_settings import scoring_settings
from stream.settings import PREFIX, Settings

__all__ = ["check_aliases", "check_registry", "check_schemas"]


async def check_registry(at: Surroundings) -> Sequence[Finding]:
    """Check that the registry can be read, and the hashes of the model that scores."""
    return await asyncio.to_thread(_registry, scoring_settings(at.settings))


def _registry(settings: Settings) -> list[Finding]:
    where = settings.registry
    try:
        names = Registry(settings.registry).names()
    except (BundleError, OSError) as error:
        return [
            fail(
                f"the registry {where} can't be read: {error}",
                f"correct {PREFIX}REGISTRY",
            ),
        ]
    if not names:
        return [
            fail(
                f"the registry {where} has no model",
                f"train one with `leadscore train`, or correct {PREFIX}REGISTRY",
            )
        ]
    try:
        bundle = _model(settings)
    except BundleError as error:
        if settings.role == "shadow" and isinstance(error, ModelNotFoundError):
            return [_no_shadow(error)]
        return [
            fail(
                f"the model {settings.model} can't be used: {error}",
                f"correct {PREFIX}MODEL"
                if isinstance(error, ModelNotFoundError)
                else f"restore the model, or name another in {PREFIX}MODEL",
            )
        ]
    return [
        ok(
            f"models in {where}: {len(names)}; {settings.model} is {bundle.name}/{bundle.version},"
            f" whose files have the published hashes (sha256 {bundle.sha256[:8]})"
        )
    ]


def _no_shadow(error: ModelNotFoundError) -> Finding:
    sentence, _, remedy = str(error).partition(". ")
    return warn(f"a shadow waits until there is a candidate: {sentence}", remedy.rstrip("."))


def _model(settings: Settings) -> Bundle:
    return describe_bundle(Registry(settings.registry).resolve(settings.model), Trials())


async def check_aliases(at: Surroundings) -> Sequence[Finding]:
    """Check the histories, and that each alias names a version that is there and intact."""
    return await asyncio.to_thread(_aliases, at.settings)


def _aliases(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    try:
        registry = Registry(settings.registry)
        names = registry.names()
    except (BundleError, OSError):
        return [warn("not checked, as the registry can't be read", "see registry")]
    for name in names:
        try:
            aliases = registry.aliases(name)
            registry.history(name)
        except BundleError as error:
            findings.append(fail(str(error), "set the aliases again: `leadscore models alias`"))
            continue
        findings += [_alias(registry, name, *alias) for alias in sorted(aliases.items())]
        if registry.view_differs(name):
            findings.append(_view(name))
    return findings or [ok("no model has an alias; a name is its newest version")]


def _view(name: str) -> Finding:
    return warn(
        f"aliases.json of {name} is expected to say what the history says, but it does not: workers"
        " of earlier releases, which read nothing else, may load another version",
        f"write it again by setting an alias to the version that it has: `leadscore models alias"
        f" {name} ALIAS VERSION`; change aliases with this release alone",
    )


def _alias(registry: Registry, name: str, alias: Alias, version: str) -> Finding:
    try:
        bundle = describe_bundle(registry.resolve(f"{name}@{alias}"), Trials())
    except BundleError as error:
        return fail(
            f"{name}@{alias} names version {version}, which can't be used: {error}",
            f"set it to another version: `leadscore models alias {name} {alias} VERSION`",
        )
    return ok(f"{name}@{alias} is version {bundle.version} (sha256 {bundle.sha256[:8]})")


async def check_schemas(at: Surroundings) -> Sequence[Finding]:
    """Check that the leads' contract promises the fields that the model reads."""
    return await asyncio.to_thread(_schemas, scoring_settings(at.settings))


def _schemas(settings: Settings) -> list[Finding]:
    folders = "" if settings.schema_dir is None else f" in {settings.schema_dir}"
    try:
        store = SchemaStore.load(*settings.schema_folders)
    except (InputError, StartupError) as error:
        return [fail(str(error), f"correct the schemas{folders} ({PREFIX}SCHEMA_DIR)")]
    if not settings.is_scorer:  # they decode no leads
        return [ok("all schemas can be read")]
    try:
        bundle = _model(settings)
    except BundleError:
        return [
            warn(
                "the contract is not checked, as the model can't be loaded",
                "see registry",
            )
        ]
    try:
        verify_contract(bundle, settings)
    except StartupError as error:
        sentence, _, remedy = str(error).rpartition(": ")
        return [fail(sentence, remedy)]
    named = None if settings.contract is None else store.by_name(settings.contract)
    schema = named or store.add(bundle.metadata.contract, "the model's contract")
    return [
        ok(
            f"the contract {schema.full_name} (fingerprint {schema.fingerprint.hex()}) has all"
            f" fields that {bundle.name}/{bundle.version} reads"
        )
    ]
