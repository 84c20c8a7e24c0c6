"""Language of docstrings: a first line says what a thing is, returns or does, in plain terms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *(
        "agents",
        "benchmarks",
        "data",
        "docs",
        "examples",
        "features",
        "lake",
        "model",
        "monitoring",
    ),
    *("schemas", "stream", "testing", "tests"),
)
RIDDLES = re.compile(
    r"(?:Tells?|Says?|Lets?|Takes?|Have|Has|What|Of|So many|See there|To be told)\b|The same[ ,.]"
)
"""Openings that leave the reader to guess the subject or the action. Write "Return", "Compute",
"Read", "Schedule", or name the thing."""
ARCHAIC = re.compile(
    r"\b(?:un)?mend(?:ed|s|ing|able)?\b|\bin hand\b|\bwithout a word\b|\bl(?:eave|eft)s? off\b"
    r"|\bas (?:it|they) comes?\b|\btold twice\b|\b(?:is|are|was|were|be)\s+away\b|\bfor ever\b",
    re.IGNORECASE,
)
"""Words in docstrings for which Kafka and its clients have a term: in flight, recovered, resumed at
the committed offset, timed out, unavailable."""
DESCRIPTION = re.compile(r"^( *)[\w, ]+\n\1    (Of\b.*)", re.MULTILINE)
"""Description of a parameter or attribute without its subject: "Seed of the folds", not "Of the
folds"."""
NAME_RIDDLES = re.compile(
    r"^test_(?:what|who|of)_"
    r"|(?<=_)(?:told|tells?|mend(?:s|ed|able)?|in_hand|so_many|mates|anew|gives?_up|given_up|taken_for"
    r"|taken_up|left_off|with_a_word)(?=_|$)"
)
"""Words in the name of a test that leave open what happens. Name the thing: an unreadable record,
the next owner, batches in flight; and what happens to it: reported, published, retried, resumed."""


def sources(folder: str) -> list[Path]:
    """Return the Python files of a folder, without this one."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))


def docstrings(code: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each docstring, including those of attributes and constants."""
    for node in ast.walk(ast.parse(code)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text.strip()


def faults(code: str) -> list[str]:
    """Return line and cause of each docstring that breaks a rule."""
    found = []
    for line, text in docstrings(code):
        if opening := RIDDLES.match(text):
            found.append(f"{line}: opens with {opening.group().strip()!r}")
        found += [f"{line}: {word.group()!r}" for word in ARCHAIC.finditer(text)]
        found += [f"{line}: describes as {each[2]!r}" for each in DESCRIPTION.finditer(text)]
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_are_plain(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in sources(folder)
        for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert found == [], (
        "expected docstrings whose first line says what the thing is, returns or does"
        " (CONTRIBUTING.md, Style)"
    )


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("Tell whether it is ready.", "opens with 'Tell'"),
        ("Of a batch.", "opens with 'Of'"),
        ("What came out.", "opens with 'What'"),
        ("The same, in milliseconds.", "opens with 'The same,'"),
        ("Return what is in hand.", "'in hand'"),
        ("Return an error that nothing can mend.", "'mend'"),
        ("Wait while the broker is away.", "'is away'"),
        ("Split.\n\nParameters\n---\nseed\n    Of the folds.", "describes as 'Of the folds.'"),
    ],
)
def test_a_riddle_is_found(text: str, cause: str) -> None:
    assert faults(f'LIMIT = 1\n"""{text}"""') == [f"2: {cause}"]


def test_names_of_tests_are_plain() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources("tests")
        for name in re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8"))
        if NAME_RIDDLES.search(name)
    ]
    assert found == []


@pytest.mark.parametrize(
    "name",
    [
        *("test_what_is_left", "test_of_two_one_stays", "test_it_is_told", "test_it_mends"),
        "test_batches_in_hand_stay",
    ],
)
def test_a_riddle_in_a_name_is_found(name: str) -> None:
    assert NAME_RIDDLES.search(name)


@pytest.mark.parametrize("name", ["test_a_whole_batch", "test_amended_rows_stay", "test_an_event"])
def test_a_plain_name_passes(name: str) -> None:
    assert not NAME_RIDDLES.search(name)


def test_plain_words_pass() -> None:
    assert (
        faults('def read():\n    """Return the officer who takes whatever the sum is of."""') == []
    )
