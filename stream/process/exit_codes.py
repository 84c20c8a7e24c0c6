"""Exit codes of commands by error."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from model.registry import ModelNotFoundError
from schemas.display import for_terminal
from schemas.errors import FatalError, InputError, LeadScoreError, StartupError
from schemas.urls import mask_url

__all__ = ["EXIT_STOPPED", "EXIT_UNBALANCED", "exit_codes"]

EXIT_REFUSED, EXIT_UNBALANCED, EXIT_STOPPED = 2, 4, 130
CODES: tuple[tuple[type[LeadScoreError], int], ...] = (
    (InputError, 2),
    (ModelNotFoundError, 2),
    (StartupError, 3),
    (FatalError, 1),
)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn an error of the body into one sentence on standard error and an exit code.

    The sentence may quote a name or a file's content: it is written as one line, with control
    characters escaped, and passwords and tokens of URLs masked.

    InputError, ModelNotFoundError and a file or folder that can't be read or written end the
    command with 2, StartupError with 3, FatalError with 1, Ctrl-C with 130.
    """
    try:
        yield
    except (InputError, FatalError) as error:
        failure = click.ClickException(for_terminal(mask_url(str(error))))
        failure.exit_code = next(code for kind, code in CODES if isinstance(error, kind))
        raise failure from None
    except OSError as error:
        if error.filename is None:  # not about a file, for example about a connection
            raise
        raise _refused_file(error) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit(EXIT_STOPPED) from None


def _refused_file(error: OSError) -> click.ClickException:
    sentence = (
        f"expected to read or write {os.fsdecode(error.filename)}, but {error.strerror}: name"
        " another file or folder, or correct its permissions"
    )
    failure = click.ClickException(for_terminal(mask_url(sentence)))
    failure.exit_code = EXIT_REFUSED
    return failure
