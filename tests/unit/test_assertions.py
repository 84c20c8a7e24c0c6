"""Every test asserts something: itself, or through a function of the tests that it calls."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Defined:
    """A function, and the file that defines it."""

    path: str
    function: Function


class Functions:
    """The functions of some files, and which of them a function may call.

    Parameters
    ----------
    files
        The code of each file by its path.
    """

    def __init__(self, files: dict[str, str]) -> None:
        self.all: list[Defined] = []
        self._by_name: dict[str, list[Defined]] = defaultdict(list)
        self._imported: dict[str, dict[str, tuple[str, str]]] = {}
        for path, code in files.items():
            self._imported[path] = imported(code)
            for function in functions(code):
                defined = Defined(path, function)
                self.all.append(defined)
                self._by_name[function.name].append(defined)

    def called_by(self, caller: Defined) -> Iterator[Defined]:
        """Yield the functions that one calls, and the fixtures and parameters that it gets.

        A function that is called by its name alone is of the same file, or imported; a method is
        any one of that name.
        """
        arguments = caller.function.args
        given = {each.arg for each in (*arguments.args, *arguments.kwonlyargs)}
        for name in given:
            yield from self._by_name[name]
        for node in ast.walk(caller.function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield from self._by_name[node.func.attr]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from self._named(node.func.id, caller.path)

    def _named(self, name: str, path: str) -> Iterator[Defined]:
        where, original = self._imported[path].get(name, (path, name))
        return (each for each in self._by_name[original] if each.path == where)


def imported(code: str) -> dict[str, tuple[str, str]]:
    """Return the path and the name in it of each name that a file imports from another."""
    return {
        alias.asname or alias.name: (f"{(node.module or '').replace('.', '/')}.py", alias.name)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def without_assertion(files: dict[str, str]) -> list[str]:
    """Return the tests that assert nothing, also not through a function that they call.

    Parameters
    ----------
    files
        The code of each file by its path.
    """
    found = Functions(files)
    checking = {each for each in found.all if asserts(each.function)}
    called = {each: {*found.called_by(each)} for each in found.all if each not in checking}
    while further := {each for each in called.keys() - checking if called[each] & checking}:
        checking |= further
    return [
        f"{each.path}:{each.function.lineno} {each.function.name}"
        for each in found.all
        if each.function.name.startswith("test_")
        and Path(each.path).name.startswith("test_")
        and each not in checking
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
        "asked(3)",
        "fixture.until(3)",
    ],
)
def test_an_assertion_is_found_here_or_in_what_is_called(body: str) -> None:
    shared = (
        "def checked(n):\n    assert n\n"
        "async def until(n):\n    for _ in range(n):\n        checked(n)\n"
    )
    test = (
        "from tests.shared import checked\n"
        "from tests.shared import checked as asked\n"
        f"def test_it():\n    {body}"
    )
    assert without_assertion({"tests/test_a.py": test, "tests/shared.py": shared}) == []


@pytest.mark.parametrize("body", ["run(3)", "raise ValueError", "unknown()", "pass"])
def test_a_test_without_an_assertion_is_named(body: str) -> None:
    """Also where a function of the same name asserts in a file that it does not import."""
    files = {
        "tests/test_a.py": f"def run(n):\n    return n\ndef test_it():\n    {body}",
        "tests/test_b.py": "def run(n):\n    assert n\ndef test_that():\n    run(3)",
    }
    assert without_assertion(files) == ["tests/test_a.py:3 test_it"]
