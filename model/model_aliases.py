"""The aliases of one model: its history, and the file in which earlier releases keep them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from model.alias import Alias
from model.alias_entry import Action, AliasEntry, Made, next_entry, versions_before
from model.alias_history import AliasHistory
from model.metadata import BundleIncompleteError
from model.rollout_plan import RolloutPlan
from model.storage import Folder
from schemas.errors import InputError

__all__ = ["VERSION", "Aliases", "ModelAliases"]

VIEW = "aliases.json"
LARGEST_VIEW = 2**16
VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Aliases:
    """The aliases of a model at one moment.

    Attributes
    ----------
    name
        The model.
    aliases
        The version that each alias names.
    archived
        The archived versions, in ascending order.
    last
        The last entry of the history; None: there is none.
    """

    name: str
    aliases: Mapping[Alias, str]
    archived: tuple[str, ...]
    last: AliasEntry | None

    @property
    def rollout(self) -> RolloutPlan | None:
        """The rollout of the canary; None where there is no canary."""
        return None if self.last is None else self.last.rollout

    def require_possible(self, action: Action, alias: Alias | None, to: str | None) -> None:
        """Check that a change is possible with these aliases.

        Raises
        ------
        InputError
            An alias would name an archived version, or a version with an alias would be archived.
        """
        if alias is not None and to in self.archived:
            raise InputError(
                f"Version {to} of {self.name} should not be archived, it is: restore it with"
                f" `leadscore models archive {self.name} {to} --restore`, or name another."
            )
        named = [str(alias) for alias, version in self.aliases.items() if version == to]
        if action is Action.ARCHIVE and named:
            raise InputError(
                f"Version {to} of {self.name} should have no alias, but it is"
                f" {' and '.join(named)}: set another version first with `leadscore models alias`."
            )

    def has(
        self,
        action: Action,
        alias: Alias | None,
        to: str | None,
        rollout: RolloutPlan | None = None,
    ) -> bool:
        """Return whether a change would leave everything as it is."""
        if alias is Alias.CANARY and self.rollout != rollout:
            return False
        if alias is not None:
            return self.aliases.get(alias) == to
        return (to in self.archived) is (action is Action.ARCHIVE)


class ModelAliases:
    """Reads and changes the aliases of a model.

    The history is the truth. Without one, aliases.json of an earlier release is; the first change
    takes it over as the first entry. After each change aliases.json is written from the last
    entry, for workers of earlier releases, which read nothing else.

    Parameters
    ----------
    folder
        The folder of the model.
    name
        The model.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder = folder
        self._name = name
        self._history = AliasHistory(folder)

    def now(self) -> Aliases:
        """Return the aliases as they are now.

        Raises
        ------
        BundleIncompleteError
            The last entry, or without a history aliases.json, is damaged or only half copied.
        """
        last = self._history.last()
        if last is None:
            return Aliases(self._name, self._view(), (), None)
        return Aliases(self._name, last.aliases, last.archived, last)

    def history(self) -> tuple[AliasEntry, ...]:
        """Return all changes, the oldest first.

        Raises
        ------
        BundleIncompleteError
            An entry is missing, damaged, replaced or only half copied.
        """
        return self._history.entries()

    def version_before(self, alias: Alias) -> str:
        """Return the version that a rollback of an alias leads to.

        It is the one that the alias named before the present one was set. A second rollback goes
        one further back; a rollback after a removal restores the removed version.

        Raises
        ------
        InputError
            The history has none.
        """
        before = versions_before(self.history(), alias)
        if not before:
            raise InputError(
                f"The history of {self._name} should have an earlier version of {str(alias)!r},"
                " but it has none: set one with `leadscore models alias"
                f" {self._name} {alias} VERSION`."
            )
        return before[-1]

    def change(
        self,
        now: Aliases,
        action: Action,
        made: Made,
        *,
        alias: Alias | None,
        to: str | None,
        rollout: RolloutPlan | None = None,
    ) -> AliasEntry | None:
        """Add a change to the history, unless somebody else made one since ``now`` was read.

        Returns
        -------
        AliasEntry or None
            The entry; None if everything is already as wanted. aliases.json is written in any case.

        Raises
        ------
        InputError
            The change is not possible: see ``Aliases.require_possible``.
        AliasConflictError
            Somebody else changed the aliases since. Nothing was changed.
        """
        now.require_possible(action, alias, to)
        entry = None
        if not now.has(action, alias, to, rollout):
            last = now.last
            if last is None and now.aliases:
                last = next_entry(None, Action.START, made, start=now.aliases)
                self._history.append(last)
            entry = next_entry(last, action, made, alias=alias, to=to, rollout=rollout)
            self._history.append(entry)
        self._write_view()
        return entry

    def view_differs(self) -> bool:
        """Return whether aliases.json says something else than the history, if there is one.

        An earlier release has written it since, or a change was interrupted.
        """
        last = self._history.last()
        if last is None:
            return False
        try:
            return self._view() != last.aliases
        except BundleIncompleteError:
            return True

    def _view(self) -> dict[Alias, str]:
        written = self._folder.read(VIEW, LARGEST_VIEW)
        if written is None:
            return {}
        try:
            return _read_view(written)
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise BundleIncompleteError(
                f"{self._folder.location}/{VIEW} should be a JSON object of alias and version, it"
                f" is not ({error}): if nobody is copying it just now, remove it and set the"
                " aliases again with `leadscore models alias`."
            ) from None

    def _write_view(self) -> None:
        """Write aliases.json from the last entry.

        Of two writers the slower one may have the older entry: it looks again afterwards.
        """
        written, last = None, self._history.last()
        while last is not None and last != written:
            content = json.dumps(dict(last.aliases), indent=2) + "\n"
            self._folder.write(VIEW, content.encode())
            written, last = last, self._history.last()


def _read_view(written: bytes) -> dict[Alias, str]:
    aliases = {Alias(alias): version for alias, version in json.loads(written).items()}
    for alias, version in aliases.items():
        if not VERSION.fullmatch(version):
            raise ValueError(f"{alias} names {version!r}, which is no version")
    return aliases
