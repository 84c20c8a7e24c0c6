"""The options that `leadscore replay` and `leadscore rescore` share."""

from __future__ import annotations

from typing import Any

import click
import pytest

from schemas.errors import InputError
from stream.cli.replay import replay
from stream.cli.replay_options import wanted_of
from stream.replay.launch import Wanted
from stream.replay.ranges import BEGINNING, END
from stream.settings import load_settings


def wanted(**given: Any) -> Wanted:
    options = dict.fromkeys(("model", "topic", "out", "replay_id", "archive"))
    options |= {"into_live": False, "filters": ()}
    return wanted_of(load_settings(), options | given, BEGINNING, END)


def test_without_options_the_model_and_the_topic_are_those_of_the_settings() -> None:
    assert wanted() == Wanted(BEGINNING, END, model="leads", topic="leads.created", filters=[])


def test_options_take_precedence() -> None:
    found = wanted(model="leads/4", topic="old", filters=("country=DE", "name=a=b"), replay_id="r")
    assert (found.model, found.topic, found.id) == ("leads/4", "old", "r")
    assert found.filters == [("country", "DE"), ("name", "a=b")]


def test_an_output_topic_and_the_topics_of_the_workers_exclude_each_other() -> None:
    with pytest.raises(InputError, match="exclude each other"):
        wanted(into_live=True, out="other")


@pytest.mark.parametrize(
    ("terminals", "given", "expected"),
    [
        ((), (), True),
        (("stdout",), (), False),
        (("stderr",), (), False),
        (("stdout", "stderr"), ("--json",), True),
    ],
)
def test_a_log_gets_lines_of_json_and_a_terminal_a_bar(
    monkeypatch: pytest.MonkeyPatch,
    terminals: tuple[str, ...],
    given: tuple[str, ...],
    expected: bool,
) -> None:
    class Stream:
        def __init__(self, name: str) -> None:
            self._name = name

        def isatty(self) -> bool:
            return self._name in terminals

    monkeypatch.setattr(click, "get_text_stream", Stream)
    for command, arguments in (("start", ()), ("resume", ("some-replay",))):
        context = replay.commands[command].make_context(command, [*arguments, *given])
        assert context.params["is_json"] is expected
