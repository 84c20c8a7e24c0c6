"""Language of docstrings: a first line says what a thing is, returns or does, in plain terms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = (
    *("agents", "benchmarks", "data", "docs", "examples", "features", "model", "monitoring"),
    *("schemas", "stream", "testing", "tests"),
)
RIDDLES = re.compile(
    r"(?:Tells?|Says?|Lets?|Takes?|Have|Has|What|Of|So many|See there|To be told)\b|The same[ ,.]"
)
"""Openings that leave the reader to guess the subject or the action. Write "Return", "Compute",
"Read", "Schedule", or name the thing."""
ARCHAIC = re.compile(
    r"\b(?:un)?mend(?:ed|s|ing|able)?\b|\bin hand\b|\bwithout a word\b|\bl(?:eave|eft)s? off\b"
    r"|\bas (?:it|they) comes?\b|\btold twice\b",
    re.IGNORECASE,
)
"""Words in docstrings for which Kafka and its clients have a term: in flight, recovered, resumed at
the committed offset, timed out."""
LEFT = {"tests": 4}
"""Docstrings that still break a rule, by folder. Lower the number when you reword some."""


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
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_are_plain(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for path in sources(folder)
        for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert len(found) <= LEFT.get(folder, 0), (
        "Expected docstrings whose first line says what the thing is, returns or does "
        "(CONTRIBUTING.md, Style), got:\n" + "\n".join(found)
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
    ],
)
def test_a_riddle_is_found(text: str, cause: str) -> None:
    assert faults(f'LIMIT = 1\n"""{text}"""') == [f"2: {cause}"]


def test_plain_words_pass() -> None:
    assert (
        faults('def read():\n    """Return the officer who takes whatever the sum is of."""') == []
    )
