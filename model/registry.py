"""The registry: models by name, version and alias, in a folder or an object store.

<root>/<name>/<version>/{model.onnx, model.ubj, reference.parquet, manifest.json}
<root>/<name>/history/{00000001.json, 00000002.json, …, latest}
<root>/<name>/aliases.json: the aliases by the last entry of the history, for earlier releases
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from model.alias import ACTED_ON, Alias, require_effect
from model.alias_entry import Action, AliasEntry, Made
from model.bundle import Artefacts, verify, write_bundle
from model.manifest import LARGEST_MANIFEST, MANIFEST, Manifest
from model.metadata import BundleError
from model.model_aliases import VERSION, Aliases, ModelAliases
from model.rollout_plan import RolloutPlan
from model.storage import Folder, open_folder
from schemas.errors import InputError, LoadFailure

__all__ = [
    "ACTED_ON",
    "Alias",
    "Aliases",
    "ModelNotFoundError",
    "Registry",
    "followed_model",
    "require_effect",
    "require_publishable",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class ModelNotFoundError(BundleError):
    """The registry has no such model, version or alias."""

    failure = LoadFailure.NOT_FOUND


def followed_model(reference: str) -> str | None:
    """Return the model whose production a reference follows; None if it names something else.

    Examples
    --------
    >>> followed_model("leads"), followed_model("leads@production")
    ('leads', 'leads')
    >>> followed_model("leads/3"), followed_model("leads@staging")
    (None, None)
    """
    name, _, alias = reference.partition("@")
    return name if alias in ("", Alias.PRODUCTION) and "/" not in name else None


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

    Any number of processes may publish and change aliases at once, in stores that create files
    exclusively: disks, S3 and Google Cloud Storage. In others, do so from one process at a time.

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
            The last entry of the history, or the file of aliases of an earlier release, is
            damaged or only half copied.
        """
        return dict(self.aliases_now(name).aliases)

    def aliases_now(self, name: str) -> Aliases:
        """Return the aliases and the archived versions of a model, for ``change``.

        Raises
        ------
        BundleIncompleteError
            As for ``aliases``.
        """
        if not NAME.fullmatch(name):
            return Aliases(name, {}, (), None)
        return self._aliases(name).now()

    def history(self, name: str) -> tuple[AliasEntry, ...]:
        """Return all changes of a model's aliases, the oldest first; none if there are none.

        Raises
        ------
        BundleIncompleteError
            An entry is missing, damaged, replaced or only half copied.
        """
        return self._aliases(name).history() if NAME.fullmatch(name) else ()

    def location(self, name: str, version: str) -> str:
        """Return the path or URL of a version's folder, which need not exist."""
        return (self._folder / name / version).location

    def attach(self, name: str, version: str, file: str, content: bytes) -> bool:
        """Add a file beside a published model, such as a report; return False if it is there.

        It is no part of the bundle, and may be removed.
        """
        return (self._folder / name / version).create(file, content)

    def attached(self, name: str, version: str, file: str) -> bytes | None:
        """Return a file that was added by ``attach``; None if there is none."""
        return (self._folder / name / version).read(file)

    def holds(self, name: str, version: str, file: str) -> bool:
        """Return whether a version has a file, without reading it."""
        return (self._folder / name / version).holds(file)

    def written_at(self, name: str, version: str) -> float | None:
        """Return when a version was published, in seconds since 1970; None if unknown.

        It is the time of its manifest in the store: a copy may have another.
        """
        return (self._folder / name / version).written_at(MANIFEST)

    def view_differs(self, name: str) -> bool:
        """Return whether aliases.json, which earlier releases read, differs from the history."""
        return self._aliases(name).view_differs()

    def version_before(self, name: str, alias: Alias) -> str:
        """Return the version that a rollback of an alias leads to.

        Raises
        ------
        InputError
            The history has none.
        """
        return self._aliases(name).version_before(alias)

    def set_alias(self, name: str, alias: Alias, version: str, made: Made) -> None:
        """Make an alias name a version, instead of the version that it named before.

        Parameters
        ----------
        name, alias, version
            The change.
        made
            Who makes it, when and why.

        Raises
        ------
        InputError
            The alias has no effect, or the version is archived.
        ModelNotFoundError
            There is no such version.
        AliasConflictError
            Somebody else changed the model's aliases at the same time. Nothing was changed.
        """
        self.change(self.aliases_now(name), Action.SET, made, alias=alias, to=version)

    def remove_alias(self, name: str, alias: Alias, made: Made) -> str:
        """Remove an alias; return the version that it named.

        Raises
        ------
        ModelNotFoundError
            The model has no such alias.
        AliasConflictError
            Somebody else changed the model's aliases at the same time. Nothing was changed.
        """
        now = self.aliases_now(name)
        version = self._named(now, alias)
        self.change(now, Action.REMOVE, made, alias=alias)
        return version

    def change(
        self,
        now: Aliases,
        action: Action,
        made: Made,
        *,
        alias: Alias | None = None,
        to: str | None = None,
        rollout: RolloutPlan | None = None,
    ) -> AliasEntry | None:
        """Change the aliases or the archived versions of a model, unless somebody else did.

        Parameters
        ----------
        now
            The aliases on which the change was decided.
        action, made, alias, to
            The change.
        rollout
            The rollout of the alias ``canary``, which can't be set without one.

        Returns
        -------
        AliasEntry or None
            The entry of the history; None if everything is already as wanted.

        Raises
        ------
        InputError
            An alias without effect would be set, one would name an archived version, or a version
            with an alias would be archived.
        ModelNotFoundError
            There is no such version.
        AliasConflictError
            Somebody else changed them since. Nothing was changed.
        """
        self.require_change(now, action, alias=alias, to=to, rollout=rollout)
        return self._aliases(now.name).change(
            now, action, made, alias=alias, to=to, rollout=rollout
        )

    def require_change(
        self,
        now: Aliases,
        action: Action,
        *,
        alias: Alias | None = None,
        to: str | None = None,
        rollout: RolloutPlan | None = None,
    ) -> None:
        """Check that ``change`` is possible.

        Raises
        ------
        InputError, ModelNotFoundError
            As for ``change``.
        """
        is_canary = alias is Alias.CANARY and rollout is not None
        if alias is not None and to is not None and not is_canary:
            require_effect(alias)
        if to is not None:
            self._existing(now.name, to)
        now.require_possible(action, alias, to)

    def _aliases(self, name: str) -> ModelAliases:
        return ModelAliases(self._folder / name, name)

    def resolve(self, reference: str) -> str:
        """Find the folder of a bundle.

        Parameters
        ----------
        reference
            ``name`` (the version with the alias production, without one the newest that is not
            archived), ``name@alias``, ``name/version``, or the path or URL of a bundle's folder.

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
        if self._has(name, version):
            return self.location(name, version)
        if "/" in reference and (path := open_folder(reference)).holds(MANIFEST):
            return path.location
        if not NAME.fullmatch(reference):
            raise self._unknown(reference)
        now = self.aliases_now(reference)
        followed = now.aliases.get(Alias.PRODUCTION) or self.newest(reference, now.archived)
        if followed is None:
            raise self._unknown(reference)
        return self._existing(reference, followed)

    def newest(self, name: str, archived: Collection[str] = ()) -> str | None:
        """Return the newest version of a model that is not archived; None if there is none."""
        numbers = _numbers(self._folder / name) if NAME.fullmatch(name) else []
        return next(
            (
                version
                for version in reversed(numbers)
                if version not in archived and self._has(name, version)
            ),
            None,
        )

    def version_of(self, name: str, alias: str) -> str:
        """Return the version that an alias of a model names.

        Raises
        ------
        ModelNotFoundError
            The model has no such alias.
        """
        return self._named(self.aliases_now(name), alias)

    def _named(self, now: Aliases, alias: str) -> str:
        if alias not in now.aliases:
            have = ", ".join(sorted(now.aliases)) or "none"
            raise ModelNotFoundError(
                f"Model {now.name!r} should have the alias {str(alias)!r}, but it has: {have}. Set"
                f" it with `leadscore models alias {now.name} {alias} VERSION`."
            )
        return now.aliases[Alias(alias)]

    def _has(self, name: str, version: str) -> bool:
        if not (NAME.fullmatch(name) and VERSION.fullmatch(version)):
            return False
        return (self._folder / name / version).holds(MANIFEST)

    def _existing(self, name: str, version: str) -> str:
        if not self._has(name, version):
            raise self._unknown(f"{name}/{version}")
        return (self._folder / name / version).location

    def _unknown(self, reference: str) -> ModelNotFoundError:
        have = "; ".join(f"{name}: {', '.join(self.versions(name))}" for name in self.names())
        return ModelNotFoundError(
            f"The registry {self.root} should have a model {reference!r}, but it has "
            f"{have or 'none'}. Train one with `leadscore train`, or name another, or give "
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
