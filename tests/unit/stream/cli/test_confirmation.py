"""A question before something is lost: yes, no, Ctrl-C, and nobody to answer."""

from __future__ import annotations

import asyncio
import io
import signal
import sys

import pytest

from schemas.errors import InputError
from stream.cli.confirmation import confirm

QUESTION = "Delete 3 dead letters?"


class Terminal(io.StringIO):
    """Standard input on a terminal; without an answer somebody presses Ctrl-C."""

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:  # type: ignore[override]
        answer = super().readline()
        if not answer:
            raise KeyboardInterrupt
        return answer


def test_yes_continues(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    confirm(QUESTION, is_given=False)
    assert QUESTION in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "code"), [("n\n", 1), ("", 130)])
def test_no_is_exit_code_1_and_ctrl_c_130(
    answer: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at the question was exit code 1, as a no."""
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(SystemExit) as ended:
        confirm(QUESTION, is_given=False)
    assert ended.value.code == code


def test_without_a_terminal_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(InputError, match=r"Delete 3 dead letters\? .* give --yes"):
        confirm(QUESTION, is_given=False)


def test_the_option_answers_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert confirm(QUESTION, is_given=True) is None  # type: ignore[func-returns-value]


class Pressed(Terminal):
    """Somebody presses Ctrl-C at the question; the answer is for the second time."""

    def readline(self, *_: object) -> str:  # type: ignore[override]
        signal.raise_signal(signal.SIGINT)
        return "y\n"


def test_ctrl_c_at_a_question_within_an_event_loop_is_not_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first Ctrl-C did nothing: asyncio's handler cancelled a task that was not waiting."""
    monkeypatch.setattr(sys, "stdin", Pressed())

    async def ask() -> None:
        confirm(QUESTION, is_given=False)

    before = signal.getsignal(signal.SIGINT)
    with asyncio.Runner() as runner, pytest.raises(SystemExit) as ended:
        runner.run(ask())
    assert ended.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
