from __future__ import annotations

from typing import Any

import pytest

from schemas.errors import StartupError
from stream.settings import load_settings


def test_words_of_outcomes_are_split_and_their_case_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEADSCORE_OUTCOME_POSITIVE", "Won, SIGNED")
    assert load_settings().outcome_positive == ("won", "signed")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"outcome_positive": ("lost",)}, "both name lost"),
        ({"outcome_negative": "lost,,won"}, "several separated by commas"),
        ({"outcome_report_weeks": 13}, "expected at least 14"),
        ({"outcome_segments": "country,"}, "in ascending order: country,age:30:45"),
        ({"outcome_segments": "age:45:30"}, "in ascending order"),
        ({"outcome_segments": "age:x"}, "in ascending order"),
        ({"outcome_segments": "a,a:1"}, "each of them once"),
        ({"outcome_segments": "a,b,c,d,e,f"}, "at most 5 fields"),
    ],
)
def test_words_of_outcomes_that_say_nothing_are_refused(
    given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StartupError, match=sentence):
        load_settings(**given)
