"""The unit tests mirror the tree, so that a module's tests are found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
ELSEWHERE = {Path("second_audit"): Path("tests/chaos/second_audit")}
"""Folders of tests whose subject is not at the top of the tree."""
FILES = sorted(path.relative_to(UNIT) for path in UNIT.rglob("test_*.py"))
MIRRORED = [path for path in FILES if path.parent not in (Path(), Path("across"))]


def subjects_in(folder: Path) -> set[str]:
    """Names that a file of tests may begin with: of modules, of other files, of subfolders."""
    return {path.name.split(".")[0].strip("_") for path in folder.iterdir()}


@pytest.mark.parametrize("path", MIRRORED, ids=str)
def test_a_file_of_tests_is_named_after_what_it_tests(path: Path) -> None:
    folder = ROOT / ELSEWHERE.get(path.parent, path.parent)
    name = path.stem.removeprefix("test_")
    assert any(
        name == subject or name.startswith(f"{subject}_")
        for subject in subjects_in(folder)
        if subject
    ), f"expected {name}.py in {folder.relative_to(ROOT)}, or the test in tests/unit/across"
