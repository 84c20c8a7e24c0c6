"""The unit tests mirror the tree, so that a module's tests are found by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
PACKAGES = ("agents", "features", "lake", "model", "monitoring", "schemas", "stream")
ELSEWHERE = {Path("second_audit"): Path("tests/chaos/second_audit")}
"""Folders of tests whose subject is not at the top of the tree."""
FILES = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))
MIRRORED = [path for path in FILES if path.parent not in (Path(), Path("across"))]
MODULES = sorted(
    path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")
)


def subjects_in(folder: Path) -> set[str]:
    """Names that a file of tests may begin with: of modules, of other files, of subfolders."""
    return {path.name.split(".")[0].strip("_") for path in folder.iterdir()}


def subject_of(name: str, subjects: Iterable[str]) -> str | None:
    """Return the subject that a file of tests is named after: the longest at the start of its name.

    So ``test_drift_board.py`` tests ``drift_board.py``, though there is a ``drift.py`` beside it.
    """
    found = [
        subject
        for subject in subjects
        if subject and (name == subject or name.startswith(f"{subject}_"))
    ]
    return max(found, key=len, default=None)


@pytest.mark.parametrize("path", MIRRORED, ids=str)
def test_a_file_of_tests_is_named_after_what_it_tests(path: Path) -> None:
    folder = ROOT / ELSEWHERE.get(path.parent, path.parent)
    name = path.stem.removeprefix("test_")
    assert subject_of(name, subjects_in(folder)), (
        f"expected {name}.py in {folder.relative_to(ROOT)}, or the test in tests/unit/across"
    )


def has_behaviour(code: str) -> bool:
    """Return whether a module does something: has a function with a body, outside a Protocol.

    Constants, exceptions without methods, data classes and protocols have nothing to test.
    """
    tree = ast.parse(code)
    protocols = [
        node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _is_port(node)
    ]
    ports = {id(function) for protocol in protocols for function in ast.walk(protocol)}
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and id(node) not in ports
        and not all(map(_is_empty, node.body))
        for node in ast.walk(tree)
    )


def _is_port(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).split("[")[0].endswith("Protocol") for base in node.bases)


def _is_empty(statement: ast.stmt) -> bool:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass)


def test_a_module_that_does_something_has_a_file_of_tests_of_its_name() -> None:
    tested = {
        (path.parent, subject_of(path.stem.removeprefix("test_"), subjects_in(ROOT / path.parent)))
        for path in MIRRORED
        if path.parent not in ELSEWHERE
    }
    missing = [
        str(module)
        for module in MODULES
        if has_behaviour((ROOT / module).read_text(encoding="utf-8"))
        and (module.parent, module.stem.strip("_")) not in tested
    ]
    assert missing == [], "expected tests/unit/PACKAGE/test_MODULE.py for each of them"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("LIMIT = 3", False),
        ('class Port(Protocol):\n    def send(self) -> None:\n        """Send."""', False),
        ("class Port(Protocol):\n    def send(self) -> None:\n        return None", False),
        ('class LostError(Exception):\n    """It is lost."""', False),
        ("def limit():\n    return 3", True),
        ("class Row:\n    @property\n    def size(self):\n        return 3", True),
    ],
)
def test_constants_and_protocols_are_no_behaviour(code: str, expected: bool) -> None:
    assert has_behaviour(code) is expected


def test_the_longest_subject_counts() -> None:
    subjects = {"drift", "drift_board", "train"}
    assert subject_of("drift_board", subjects) == "drift_board"
    assert subject_of("drift_board_wide", subjects) == "drift_board"
    assert subject_of("train_quality", subjects) == "train"
    assert subject_of("trainer", subjects) is None


SLOW = ("model.training", "sklearn", "xgboost", "tests.unit.small_", "tests.unit.two_models")
"""Modules that take seconds to import."""
CONFTESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("conftest.py"))


@pytest.mark.parametrize("path", CONFTESTS, ids=str)
def test_no_run_of_tests_waits_for_what_only_training_needs(path: Path) -> None:
    names = [
        name
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    ]
    assert [name for name in names if name.startswith(SLOW)] == [], "import it in the fixture"
