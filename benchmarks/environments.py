"""Virtual environments of contenders whose dependencies conflict with LeadScore's."""

from __future__ import annotations

import re
from functools import cache

import click

from testing.locked_environment import LOCKS, EnvironmentFailedError, locked_python

__all__ = ["python_of", "version_of"]


def version_of(package: str, name: str) -> str:
    """Return the version of a package in the environment of a name."""
    lock = LOCKS / f"{name}.lock"
    found = re.search(rf"^{package}==(\S+)", lock.read_text(), re.MULTILINE)
    assert found is not None, f"{lock} names {package}"
    return found[1]


@cache
def python_of(name: str) -> str:
    """Return the Python of an environment; create the environment if necessary.

    Parameters
    ----------
    name
        That of its locked requirements, requirements/NAME.lock.

    Raises
    ------
    click.ClickException
        It can't be created.
    """
    try:
        return locked_python(f"{name}.lock")
    except EnvironmentFailedError as error:
        raise click.ClickException(str(error)) from None
