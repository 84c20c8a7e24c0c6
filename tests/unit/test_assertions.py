"""Every test asserts something: itself, or through a function of the tests that it calls."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("tests", "testing")
CHECKS = ("pytest.raises", "pytest.fail", "pytest.warns", "np.testing.assert_")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(code: str) -> Iterator[Function]:
    """Yield all functions and methods of a file."""
    return (node for node in ast.walk(ast.parse(code)) if isinstance(node, Function))


def asserts(function: Function) -> bool:
    """Return whether a function has an assertion of its own."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Raise) and "AssertionError" in ast.unparse(node))
        or (isinstance(node, ast.Call) and ast.unparse(node.func).startswith(CHECKS))
        for node in ast.walk(function)
    )


def called(function: Function) -> set[str]:
    """Return the names of the functions and methods that a function calls."""
    return {
        ast.unparse(node.func).rpartition(".")[2]
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }


def without_assertion(files: dict[str, str]) -> list[str]:
    """Return the tests that assert nothing, also not through a function that they call.

    Parameters
    ----------
    files
        The code of each file by its path. A function of the tests is found by its name alone.
    """
    by_name: dict[str, list[Function]] = defaultdict(list)
    tests: list[tuple[str, Function]] = []
    for path, code in files.items():
        for function in functions(code):
            by_name[function.name].append(function)
            if function.name.startswith("test_") and Path(path).name.startswith("test_"):
                tests.append((path, function))
    checking = {name for name, found in by_name.items() if any(map(asserts, found))}
    while True:
        further = {
            name
            for name, found in by_name.items()
            if name not in checking and any(called(function) & checking for function in found)
        }
        if not further:
            break
        checking |= further
    return [
        f"{path}:{function.lineno} {function.name}"
        for path, function in tests
        if not asserts(function) and not called(function) & checking
    ]


def test_every_test_asserts_something() -> None:
    files = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    assert without_assertion(files) == []


@pytest.mark.parametrize(
    "body",
    [
        "assert True",
        "with pytest.raises(ValueError): raise ValueError",
        "np.testing.assert_array_equal(1, 1)",
        "checked(3)",
        "fixture.until(3)",
    ],
)
def test_an_assertion_is_found_here_or_in_what_is_called(body: str) -> None:
    helpers = (
        "def checked(n):\n    assert n\n"
        "async def until(n):\n    for _ in range(n):\n        checked(n)\n"
    )
    files = {"tests/test_a.py": f"def test_it():\n    {body}", "tests/helpers.py": helpers}
    assert without_assertion(files) == []


@pytest.mark.parametrize("body", ["run(3)", "raise ValueError", "unknown()", "pass"])
def test_a_test_without_an_assertion_is_named(body: str) -> None:
    files = {"tests/test_a.py": f"def run(n):\n    return n\ndef test_it():\n    {body}"}
    assert without_assertion(files) == ["tests/test_a.py:3 test_it"]
