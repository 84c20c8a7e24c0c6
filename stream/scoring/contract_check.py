"""Whether the leads' contract promises the fields that a model reads."""

from __future__ import annotations

from model.bundle import Bundle
from schemas.avro_kinds import mismatches
from schemas.errors import InputError, InvalidEventError, StartupError
from schemas.store import Schema, SchemaStore
from stream.settings import PREFIX, Settings

__all__ = ["contract_of", "verify_contract"]


def verify_contract(bundle: Bundle, settings: Settings) -> None:
    """Check that leads are promised to have the fields that a model reads.

    Raises
    ------
    StartupError
        They are not; or the contract that the settings name is not known.
    """
    contract = contract_of(bundle, settings)
    spec = bundle.metadata.spec
    try:
        contract = contract.with_names(spec.names)
    except InvalidEventError as error:
        raise StartupError(f"the contract {contract.full_name}: {error}") from None
    wrong = mismatches(contract, spec.kinds, spec.readings)
    if wrong:
        raise StartupError(
            f"model {bundle.name}/{bundle.version} reads fields that the contract"
            f" {contract.full_name} does not promise: {'; '.join(wrong)}: train the model with"
            f" --schema, or name another contract in {PREFIX}CONTRACT"
        )


def contract_of(bundle: Bundle, settings: Settings) -> Schema:
    """Return the schema that leads are promised to have: the settings', else the model's own.

    Raises
    ------
    StartupError
        The settings name a schema that is not known, or no lead can have it.
    """
    store = SchemaStore.load(*settings.schema_folders)
    try:
        schema = store.add(bundle.metadata.contract, "the model's contract")
        if settings.contract is not None:
            named = store.by_name(settings.contract)
            if named is None:
                known = ", ".join(sorted(schema.name for schema in store.lead_contracts()))
                raise StartupError(
                    f"{PREFIX}CONTRACT names {settings.contract}, which is not known here (known:"
                    f" {known}): put its .avsc file into the folder that {PREFIX}SCHEMA_DIR names"
                )
            schema = named
        schema.require_lead()
    except InputError as error:
        raise StartupError(str(error)) from None
    return schema
