"""Find environment variables that look like settings but are not: most likely typos."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from stream.settings import PREFIX, Settings, variable_of

__all__ = ["UnknownVariable", "unknown_variables"]


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """A variable that looks like a setting but is not one: most likely a typo."""

    name: str
    nearest: str | None
    """The setting with the most similar name; None if none is similar."""

    @property
    def advice(self) -> str:
        """Advice: a similar setting, or to remove the variable."""
        if self.nearest is None:
            return "no setting has a similar name: remove it"
        return f"the most similar one is {self.nearest}"

    def __str__(self) -> str:
        return f"{self.name} is not a setting of LeadScore and has no effect: {self.advice}"


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[UnknownVariable]:
    """Return the variables that look like settings but are not, sorted by name.

    Variables that Kubernetes sets for a service named leadscore are ignored.
    """
    known = {
        variable.removeprefix(PREFIX): variable
        for variable in map(variable_of, Settings.model_fields)
    }
    ours = [
        name
        for name, value in environment.items()
        if name.upper().startswith(PREFIX) and not _is_service_link(name, value)
    ]
    return [
        UnknownVariable(name, next(iter(map(known.get, get_close_matches(bare, known, n=1))), None))
        for name in sorted(ours)
        if (bare := name.upper().removeprefix(PREFIX)) not in known
    ]


def _is_service_link(name: str, value: str) -> bool:
    """Return whether Kubernetes made a variable (its page "Accessing the Service")."""
    if re.search(r"_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)", name):
        return True
    return name.endswith("_PORT") and "://" in value
