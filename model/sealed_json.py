"""JSON objects that carry their own hash, so that a damaged or half-copied file is recognised."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from model.metadata import BundleError, BundleIncompleteError

__all__ = ["seal", "sha256", "unseal", "validated"]

M = TypeVar("M", bound=BaseModel)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def seal(fields: dict[str, Any], key: str) -> bytes:
    """Return fields as JSON, with their hash under a key at the end."""
    return _to_json({**fields, key: sha256(_to_json(fields))})


def unseal(content: bytes, key: str, *, file: str, remedy: str) -> dict[str, Any]:
    """Return the fields of a sealed file, without the hash.

    Parameters
    ----------
    content
        The file.
    key
        Key of the hash.
    file
        Its name, for the error.
    remedy
        What to do, for the error: a phrase.

    Raises
    ------
    BundleIncompleteError
        It is no such file, or its content does not have the hash.
    """
    try:
        fields = json.loads(content)
        claimed = fields.pop(key)
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise BundleIncompleteError(
            f"{file} should be a JSON object with its own {key}, but it is not: {remedy}."
        ) from None
    found = sha256(_to_json(fields))
    if claimed != found or _to_json({**fields, key: claimed}) != content:
        raise BundleIncompleteError(
            f"{file} was changed after it was written: expected sha256 {claimed!r}, got {found}."
            f" {remedy[0].upper()}{remedy[1:]}."
        )
    return dict(fields)


def validated(model: type[M], fields: dict[str, Any], *, file: str, remedy: str) -> M:
    """Return the fields of a file as a model.

    Parameters
    ----------
    model
        What they should be.
    fields
        From ``unseal``.
    file
        The file's name, for the error.
    remedy
        What to do, for the error: a sentence.

    Raises
    ------
    BundleError
        Their format is unknown.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise BundleError(
            f"{file} is of a format that this version of LeadScore does not read: {where}: "
            f"{first['msg']}. {remedy}"
        ) from None


def _to_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()
