"""The registry: models by name, version and alias, in a folder or an object store.

<root>/<name>/<version>/{model.onnx, model.ubj, reference.parquet, manifest.json}
<root>/<name>/aliases.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from model.bundle import Artefacts, verify, write_bundle
from model.manifest import LARGEST_MANIFEST, MANIFEST, Manifest
from model.metadata import BundleError, BundleIncompleteError
from model.storage import Folder, open_folder
from schemas.errors import InputError, LoadFailure

__all__ = [
    "ACTED_ON",
    "Alias",
    "ModelNotFoundError",
    "Registry",
    "require_effect",
    "require_publishable",
]

ALIASES = "aliases.json"
LARGEST_ALIASES = 2**16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


class ModelNotFoundError(BundleError):
    """The registry has no such model, version or alias."""

    failure = LoadFailure.NOT_FOUND


class Alias(StrEnum):
    """Role of a version; each alias of a model names one version at most.

    The last three have no effect: older registries have them, and they can't be set any more.
    """

    PRODUCTION = "production"
    STAGING = "staging"
    SHADOW = "shadow"
    CANARY = "canary"
    ARCHIVED = "archived"


ACTED_ON = (Alias.PRODUCTION, Alias.STAGING)
"""Aliases that have an effect."""


def require_effect(alias: Alias) -> None:
    """Check that an alias has an effect.

    Raises
    ------
    InputError
        It has none, so it can't be set.
    """
    if alias not in ACTED_ON:
        raise InputError(
            f"An alias to set should be one of {', '.join(ACTED_ON)}; nothing acts on"
            f" {str(alias)!r}, so setting it would change nothing. To score with a version beside"
            " the one in production, start workers of another group with"
            " LEADSCORE_MODEL=NAME/VERSION."
        )


def require_publishable(name: str, artefacts: Artefacts) -> None:
    """Check that `Registry.publish` would accept a model.

    Raises
    ------
    InputError
        The name is invalid.
    BundleError
        The model could not be loaded.
    """
    if not NAME.fullmatch(name):
        raise InputError(
            "A model's name should be up to 100 letters, digits, '.', '_' or '-', the first a "
            f"letter or digit; it is {name!r}. Give another with --name."
        )
    verify(artefacts)


class Registry:
    """Models by name, version and alias.

    On a disk, any number of processes may publish at once. Through fsspec, which can't create a
    folder exclusively in an object store, publish a model from one process at a time.

    Parameters
    ----------
    root
        A path or URL, for ``model.storage.open_folder``.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = str(root)
        self._folder = open_folder(self.root)

    def publish(self, name: str, artefacts: Artefacts) -> str:
        """Verify a model and add it as a new version.

        Parameters
        ----------
        name
            The model's name: letters, digits, ``.``, ``_``, ``-``.
        artefacts
            Its files.

        Returns
        -------
        str
            The version: "1", "2", …

        Raises
        ------
        InputError
            The name is invalid.
        BundleError
            The model could not be loaded. Nothing was written.
        """
        require_publishable(name, artefacts)
        model = self._folder / name
        version = self._claim(model)
        try:
            write_bundle(model / version, name, version, artefacts)
        except BaseException:
            model.remove(version)
            raise
        return version

    def names(self) -> list[str]:
        """Return the names of models with a version, sorted."""
        return [name for name in self._folder.folders() if self.versions(name)]

    def versions(self, name: str) -> list[str]:
        """Return the versions of a model, oldest first; none if there is no such model."""
        if not NAME.fullmatch(name):
            return []
        model = self._folder / name
        return [version for version in _numbers(model) if (model / version).holds(MANIFEST)]

    def find(self, sha256: str) -> list[tuple[str, str]]:
        """Return name and version of the models whose hash begins with given hex digits."""
        return [
            (name, version)
            for name in self.names()
            for version in self.versions(name)
            if self._hash(name, version).startswith(sha256)
        ]

    def _hash(self, name: str, version: str) -> str:
        written = (self._folder / name / version).read(MANIFEST, LARGEST_MANIFEST)
        try:
            return Manifest.from_bytes(written or b"").model_sha256
        except BundleError:  # half copied, or damaged: loading it says why
            return ""

    def aliases(self, name: str) -> dict[Alias, str]:
        """Return the version that each alias of a model names.

        Raises
        ------
        BundleIncompleteError
            The file of aliases is damaged, or only half copied.
        """
        written = (self._folder / name).read(ALIASES, LARGEST_ALIASES)
        if written is None:
            return {}
        try:
            return _read_aliases(written)
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise BundleIncompleteError(
                f"{self.root}/{name}/{ALIASES} should be a JSON object of alias and version, it is "
                f"not ({error}): if nobody is copying it just now, remove it and set the aliases "
                "again with `leadscore models alias`."
            ) from None

    def set_alias(self, name: str, alias: Alias, version: str) -> None:
        """Make an alias name a version, instead of the version that it named before.

        If two processes set aliases of a model at the same time, the last one wins.

        Raises
        ------
        InputError
            The alias has no effect.
        ModelNotFoundError
            There is no such version.
        """
        require_effect(alias)
        self._existing(name, version)
        self._write_aliases(name, {**self.aliases(name), alias: version})

    def remove_alias(self, name: str, alias: Alias) -> str:
        """Remove an alias; return the version that it named.

        Raises
        ------
        ModelNotFoundError
            The model has no such alias.
        """
        version = self.version_of(name, alias)
        aliases = {other: named for other, named in self.aliases(name).items() if other != alias}
        self._write_aliases(name, aliases)
        return version

    def _write_aliases(self, name: str, aliases: Mapping[Alias, str]) -> None:
        content = json.dumps(dict(sorted(aliases.items())), indent=2) + "\n"
        (self._folder / name).write(ALIASES, content.encode())

    def resolve(self, reference: str) -> str:
        """Find the folder of a bundle.

        Parameters
        ----------
        reference
            ``name`` (the version with the alias production, without one the newest),
            ``name@alias``, ``name/version``, or the path or URL of a bundle's folder.

        Returns
        -------
        str
            A path or URL for ``load_bundle``.

        Raises
        ------
        ModelNotFoundError
            There is no such model, version or alias.
        """
        name, _, alias = reference.partition("@")
        if NAME.fullmatch(name) and alias:
            return self._existing(name, self.version_of(name, alias))
        name, _, version = reference.partition("/")
        if version in self.versions(name):
            return self._existing(name, version)
        if "/" in reference and (path := open_folder(reference)).holds(MANIFEST):
            return path.location
        versions = self.versions(reference)
        if not versions:
            raise self._unknown(reference)
        production = self.aliases(reference).get(Alias.PRODUCTION, versions[-1])
        return self._existing(reference, production)

    def version_of(self, name: str, alias: str) -> str:
        """Return the version that an alias of a model names.

        Raises
        ------
        ModelNotFoundError
            The model has no such alias.
        """
        aliases = self.aliases(name)
        if alias not in aliases:
            have = ", ".join(sorted(aliases)) or "none"
            raise ModelNotFoundError(
                f"Model {name!r} should have the alias {alias!r}, it has: {have}. Set it with "
                f"`leadscore models alias {name} {alias} VERSION`."
            )
        return aliases[Alias(alias)]

    def _existing(self, name: str, version: str) -> str:
        folder = self._folder / name / version
        if not (VERSION.fullmatch(version) and folder.holds(MANIFEST)):
            raise self._unknown(f"{name}/{version}")
        return folder.location

    def _unknown(self, reference: str) -> ModelNotFoundError:
        have = "; ".join(f"{name}: {', '.join(self.versions(name))}" for name in self.names())
        return ModelNotFoundError(
            f"The registry {self.root} should have a model {reference!r}, it has "
            f"{have or 'none at all'}. Train one with `leadscore train`, or name another, or give "
            "the path of a bundle's folder."
        )

    def _claim(self, model: Folder) -> str:
        number = max((int(version) for version in _numbers(model)), default=0) + 1
        while not model.claim(str(number)):
            number += 1
        return str(number)


def _numbers(model: Folder) -> list[str]:
    """Return the names of folders of versions, published or not, in ascending order."""
    return sorted(filter(VERSION.fullmatch, model.folders()), key=int)


def _read_aliases(written: bytes) -> dict[Alias, str]:
    aliases = {Alias(alias): version for alias, version in json.loads(written).items()}
    for alias, version in aliases.items():
        if not VERSION.fullmatch(version):
            raise ValueError(f"{alias} names {version!r}, which is no version")
    return aliases
