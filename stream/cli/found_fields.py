"""Warn about fields of a model that a file of leads lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection

from features.spec import CREATED_AT
from model.metadata import BundleMetadata
from schemas.errors import InputError

__all__ = ["check_found"]

FEW = 0.5
"""Share of the fields, or of their importance, below which scores are unreliable."""
SHOWN = 8


def check_found(
    metadata: BundleMetadata,
    found: Collection[str],
    source: str,
    what: str,
    say: Callable[[str], None],
) -> None:
    """Warn about missing fields, and if only few fields were found.

    Parameters
    ----------
    metadata
        Metadata of the model.
    found
        The model's fields that the file has.
    source
        Name of the file for messages.
    what
        Kind of its fields: column, or key.
    say
        Called with each sentence.

    Raises
    ------
    InputError
        No field was found.
    """
    shown = dict(zip(metadata.spec.kinds, metadata.spec.shown_names, strict=True))
    column = metadata.spec.sources.get(CREATED_AT)
    if column is not None:
        shown[CREATED_AT] = f"{column} or {CREATED_AT}"
    missing = [name for name in shown if name not in found]
    if len(missing) == len(shown):
        raise InputError(
            f"{source} has none of the model's fields ({_listed([*shown.values()])}): name another "
            f"model with --model, or rename the {what}s"
        )
    if not missing:
        return
    for name in missing[:SHOWN]:
        say(f"{source} has no {what} {shown[name]}: it counts as missing")
    if len(missing) > SHOWN:
        say(f"{source} lacks {len(missing) - SHOWN} more fields: they count as missing")
    importance = sum(metadata.importance.get(name, 0.0) for name in found)
    known = importance if metadata.importance else 1.0
    if len(found) < FEW * len(shown) or known < FEW:
        share = f", with {importance:.0%} of the importance" if metadata.importance else ""
        say(
            f"{source}: only {len(found)} of the model's {len(shown)} fields were found{share}: "
            f"the scores are unreliable. Name each {what} as in the training file, or name "
            "another model with --model"
        )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
