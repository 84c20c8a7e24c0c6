"""Find a model's fields in leads whose names differ in form, or are those of the training file."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from schemas.errors import ErrorCode, InvalidEventError

__all__ = ["ENVELOPE", "REQUIRED", "FieldNames", "folded_name", "misnamed"]

REQUIRED = frozenset({"lead_id", "created_at"})
"""Required fields of a lead."""
ENVELOPE = REQUIRED | {"request_id"}
"""Reserved names: only a field of exactly this name is read from them."""
REMEMBERED, REMEMBERED_NAMES, REMEMBERED_LETTERS = 200, 500, 10_000
"""Limits of the cache: sets of names, names in a set, and characters in a set."""


class FieldNames:
    """Finds fields by their name, their name in the training file, or a name that differs in form.

    The field's own name and its column's name in the training file are exact matches. The field's
    own name takes precedence, except for fields that every lead has: there it is the column's (a
    file may have a ``created_at`` besides the column that ``--time`` named). Without an exact
    match, a name of the same letters and digits matches: case, spaces and punctuation are ignored,
    so ``Lead Source``, ``leadSource`` and ``lead_source`` are the same name.

    Parameters
    ----------
    columns
        The model's fields, and their names in the training file.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = dict(columns)
        self.has_paths = any("." in column for column in self._columns.values())
        """Whether a column's name may be a path into nested objects: ``address.city``."""
        self._known: dict[tuple[str, ...], Mapping[str, str] | str] = {}

    def __contains__(self, name: str) -> bool:
        """Return whether a name is a field's own."""
        return name in self._columns

    def find(self, names: Iterable[str]) -> Mapping[str, str]:
        """Return the name of each field among those that a lead has.

        Parameters
        ----------
        names
            What a lead has: the keys of a JSON object, a schema's fields, a file's columns.

        Returns
        -------
        mapping of str to str
            By field, in the model's order; a field that is not among them has its own name.

        Raises
        ------
        InvalidEventError
            ``VALIDATION``: two names, none of them exact, may be the same field; or one name may
            be two fields.
        """
        key = tuple(names)
        found = self._known.get(key)
        if found is None:
            found = self._find(key)
            if len(key) <= REMEMBERED_NAMES and sum(map(len, key)) <= REMEMBERED_LETTERS:
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[key] = found
        if isinstance(found, str):
            # A new exception each time: raised again, one keeps every traceback, and so the leads.
            raise InvalidEventError(ErrorCode.VALIDATION, found)
        return found

    def _find(self, names: tuple[str, ...]) -> Mapping[str, str] | str:
        """Return the name of each field, or why the names are ambiguous."""
        exact = self._exact({*names})
        taken = {*exact.values(), *ENVELOPE}
        by_form: dict[str, list[str]] = {}
        for name in names:
            if name not in taken:
                by_form.setdefault(folded_name(name), []).append(name)
        left = [field for field in self._columns if field not in exact]
        found = {}
        for field in left:
            forms = {folded_name(field), folded_name(self._columns[field])} - {""}
            candidates = [name for form in sorted(forms) for name in by_form.get(form, ())]
            if len(candidates) > 1:
                return _ambiguous(f"{', '.join(candidates)} may each be the field {field}")
            found.update(dict.fromkeys(candidates, field))
            if candidates:
                exact[field] = candidates[0]
        if len(found) < sum(field in exact for field in left):
            return _ambiguous("one name may be two fields of the model")
        return {field: exact.get(field, field) for field in self._columns}

    def _exact(self, names: set[str]) -> dict[str, str]:
        """Return the fields whose own name, or else their column's, matches exactly."""
        exact = {field: field for field in self._columns if field in names}
        exact |= {f: c for f, c in self._columns.items() if f in ENVELOPE and c in names}
        taken = {*exact, *ENVELOPE}
        for field, column in self._columns.items():
            if field not in exact and column in names and column not in taken:
                exact[field] = column
        return exact


def folded_name(name: str) -> str:
    """Return a name's letters and digits, without case.

    Examples
    --------
    >>> folded_name("Lead Source") == folded_name("leadSource") == folded_name("lead_source")
    True
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, plain))


def misnamed(name: str, names: Iterable[str]) -> str | None:
    """Return the name in a lead that was probably meant to be a reserved one.

    Parameters
    ----------
    name
        The one of ``lead_id``, ``created_at`` that the lead does not have.
    names
        The names that it has.

    Examples
    --------
    >>> misnamed("lead_id", ["email", "Lead ID"])
    'Lead ID'
    """
    form = folded_name(name)
    return next((other for other in names if folded_name(other) == form), None)


def _ambiguous(what: str) -> str:
    return (
        f"ambiguous field names: {what}: send each field once, under the name that the model's"
        " contract has"
    )
