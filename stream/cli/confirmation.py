"""Ask before something is changed that can't be undone."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.process.exit_codes import EXIT_STOPPED

__all__ = ["confirm", "stopped_by_ctrl_c"]

EXIT_REFUSED = 1


def confirm(question: str, *, is_given: bool) -> None:
    """Ask on the terminal, and end the command unless the answer is yes.

    The exit code is 1 for a no, and 130 for Ctrl-C at the question.

    Parameters
    ----------
    question
        The question, with what would be done to what.
    is_given
        Whether the option `--yes` answers it.

    Raises
    ------
    InputError
        There is no terminal to ask on.
    """
    if is_given:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"expected an answer to: {question} But there is no terminal: give --yes if it is meant"
        )
    with stopped_by_ctrl_c():
        is_meant = click.confirm(for_terminal(question), err=True)
    if not is_meant:
        raise SystemExit(EXIT_REFUSED)


@contextmanager
def stopped_by_ctrl_c() -> Iterator[None]:
    """End the command with 130 on Ctrl-C at a question of the body, also within an event loop.

    The handler of asyncio would only cancel the task that waits for the answer.
    """
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except (click.Abort, KeyboardInterrupt):
        raise SystemExit(EXIT_STOPPED) from None
    finally:
        signal.signal(signal.SIGINT, handler)
