"""The card of a model of the registry, for the commands that write it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.bundle import Bundle
from model.registry import Registry
from schemas.errors import InputError
from stream.model_card.card import Card
from stream.model_card.content import card_of
from stream.model_card.markdown import render_markdown
from stream.model_card.page import render_page

__all__ = ["card_from", "card_renderer"]

RENDERERS: dict[str, Callable[[Card], str]] = {".html": render_page, ".md": render_markdown}


def card_renderer(path: Path) -> Callable[[Card], str]:
    """Return what renders a card for a file, by the file's ending.

    Raises
    ------
    InputError
        It is neither .html nor .md.
    """
    render = RENDERERS.get(path.suffix.lower())
    if render is None:
        raise InputError(
            f"expected a file that ends with .html or .md, not {path}: name another with --card"
        )
    return render


def card_from(registry: Registry, bundle: Bundle) -> Card:
    """Return a model's card; of one that lies elsewhere the registry has no aliases."""
    name, version = bundle.name, bundle.version
    if bundle.location != registry.location(name, version):
        return card_of(bundle, (), (), is_archived=False)
    now = registry.aliases_now(name)
    named = sorted(alias for alias, of in now.aliases.items() if of == version)
    return card_of(bundle, named, registry.history(name), is_archived=version in now.archived)
