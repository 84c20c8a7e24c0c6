"""Which values of a target are success: decided where it is plain, else refused with a reason."""

from __future__ import annotations

import re

import pytest

from model.training.target_values import TargetValues
from schemas.errors import InputError

STAGES = ("Won",) * 5 + ("Lost",) * 7 + ("Open",) * 9 + ("Demo",) * 2


def outcomes(cells: tuple[str, ...], **options: list[str]) -> dict[str, bool]:
    values = TargetValues.of(cells, "the target")
    return values.outcomes(values.named({f"--{name}": given for name, given in options.items()}))


def test_spellings_of_a_value_are_one_value() -> None:
    values = TargetValues.of(["Closed Won", "closed won ", "1.0", "1", None, " "], "the target")
    assert values.spelling == {"closed won": "Closed Won", "1": "1.0"}
    assert values.counts == {"closed won": 2, "1": 2}
    assert values.forms()["closed won "] == "closed won"


def test_values_have_an_outcome_as_they_are_written_in_the_file() -> None:
    values = TargetValues.of(STAGES, "the target")
    found = values.outcomes(values.named({"--positive": ["won"], "--ignore": ["OPEN"]}))
    assert values.with_outcome(found, success=True) == ("Won",)
    assert values.with_outcome(found, success=False) == ("Lost", "Demo")


def test_a_word_that_means_missing_is_no_value_unless_an_option_names_it() -> None:
    values = TargetValues.of(["yes", "no", "none"], "the target")
    assert "none" not in values.without_missing_words((), ["none"]).counts
    assert "none" in values.without_missing_words(["none"], ["none"]).counts


@pytest.mark.parametrize(
    ("cells", "options", "says"),
    [
        (("yes", "YES"), {}, "one value only: 'yes' (2)"),
        (("", ""), {}, "no value"),
        (
            ("a", "b", "c"),
            {},
            "two values, but it has 3: 'a' (1), 'b' (1), 'c' (1), and nothing says",
        ),
        (("a", "b"), {}, "two values: 'a' (1), 'b' (1), and it is unclear"),
        (("1", "2"), {}, "two values: '1' (1), '2' (1), and it is unclear"),
        (("a", "b"), {"positive": ["z"]}, "no value 'z', its values are: 'a' (1), 'b' (1)"),
        (("a", "b"), {"negative": ["z"]}, "Name one of them with --negative"),
        (("a", "b"), {"ignore": ["z"]}, "Name one of them with --ignore"),
        (("a", "a"), {"positive": ["a"]}, "one value only"),
        (tuple(str(i) for i in range(20)), {}, "it has 20: "),
        (tuple(str(i) for i in range(20)), {}, "whether it is above 0"),
        (STAGES, {}, "--positive Won --negative Lost, where rows with other values are left out"),
        (STAGES, {"positive": ["Won"]}, "nothing says which of the others are failure"),
        (STAGES, {"positive": ["Won"]}, "--positive Won --ignore Open, where rows with other"),
        (STAGES, {"positive": ["Demo"]}, "--positive Demo --negative Lost, "),
        (STAGES, {"negative": ["Lost"]}, "nothing says which of them are success"),
        (STAGES, {"negative": ["Lost"], "ignore": ["Open"]}, "which of them are success"),
        (STAGES, {"ignore": ["Open"]}, "which of them are success and which failure"),
        (STAGES, {"ignore": ["Open", "Demo", "Won"]}, "one value left besides those of --ignore"),
        (
            STAGES,
            {"positive": ["Won"], "negative": ["Lost"], "ignore": ["Demo"]},
            "values that no option names: 'Open' (9). Name them too",
        ),
        (
            STAGES,
            {"positive": ["Won"], "negative": ["won"]},
            "'won' is named with --positive and with --negative",
        ),
        (("a", "b"), {"positive": ["a", "b"]}, "no value that is failure"),
        (("a", "b"), {"negative": ["a", "b"]}, "no value that is success"),
        (("a", "b", "c"), {"positive": ["a"], "ignore": ["b", "c"]}, "no value that is failure"),
        (
            ("closed won", "not won", "in talks"),
            {},
            "--positive 'closed won' --negative 'not won', ",
        ),
    ],
)
def test_a_target_that_leaves_success_open_is_refused(
    cells: tuple[str, ...], options: dict[str, list[str]], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        outcomes(cells, **options)
    assert says in str(caught.value)
    assert "the target" in str(caught.value)


def test_the_command_that_an_error_shows_is_taken() -> None:
    with pytest.raises(InputError) as caught:
        outcomes(STAGES)
    shown = re.search(r"failure: --positive (\w+) --negative (\w+), ", str(caught.value))
    assert shown is not None
    found = outcomes(STAGES, positive=[shown[1]], negative=[shown[2]])
    assert found == {"won": True, "lost": False}
