"""Where a sink writes to, as the settings name it."""

from __future__ import annotations

from schemas.errors import StartupError
from stream.settings import PREFIX, Settings

__all__ = ["target_of"]


def target_of(settings: Settings, expected: str) -> str:
    """Return the folder, file, database or address that a sink writes to.

    Parameters
    ----------
    settings
        The settings.
    expected
        What the kind of sink writes to, for the error.

    Raises
    ------
    StartupError
        None is named.
    """
    if not settings.sink_to:
        raise StartupError(f"expected {expected}: name it with --to or {PREFIX}SINK_TO")
    return settings.sink_to
