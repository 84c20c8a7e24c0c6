"""The wheel holds every module and every file that the code reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("stream", "lake", "agents", "schemas", "features", "model", "monitoring")
MIGRATIONS = ROOT / "stream" / "sinks" / "migrations"
LEFT_OUT = ("testing", "benchmarks", "examples")
"""Folders of Python beside the packages, which the wheel must not have."""
IMPORT_ALL = """
import importlib, os, pkgutil, sys

os.environ["LEADSCORE_ENVIRONMENT"] = "test"
found = []
for package in sys.argv[1:]:
    module = importlib.import_module(package)
    assert module.__file__.startswith(os.getcwd()), module.__file__
    found.append(package)
    for each in pkgutil.walk_packages(module.__path__, package + "."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
        found.append(each.name)
print("\\n".join(found))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of the files that git knows, and unpack it.

    The inner loops are built anew, but from the C that `make setup` has generated and without
    optimisation: a matter of seconds, and the wheel holds what the released one holds.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "pyproject.toml", "README.md", "LICENSE", *PACKAGES, *LEFT_OUT],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    for generated in (path.with_suffix(".c") for path in source.rglob("*.pyx")):
        if (made := ROOT / generated.relative_to(source)).is_file():
            shutil.copy2(made, generated)
    subprocess.run(
        [
            Path(sys.executable).with_name("uv"),
            *("build", "--quiet", "--offline", "--no-build-isolation", "--wheel"),
            *("--python", sys.executable, "--out-dir", folder, source),
        ],
        env=os.environ | {"CFLAGS": "-O0 -g0"},
        check=True,
    )
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "wheel")
    return folder / "wheel"


@pytest.mark.long
@pytest.mark.timeout(900)  # seconds, but minutes on a machine that is busy with other things
def test_every_module_can_be_imported_from_the_wheel(unpacked: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *PACKAGES],
        cwd=unpacked,
        env={"PYTHONPATH": str(unpacked), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    expected = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if MIGRATIONS not in path.parents  # Alembic runs them as scripts
    }
    assert expected <= set(run.stdout.split())


def test_the_wheel_has_nothing_else(unpacked: Path) -> None:
    found = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert found == set(PACKAGES)


def test_the_wheel_has_the_files_that_the_code_reads(unpacked: Path) -> None:
    read = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for pattern in ("*.avsc", "*.properties", "*.xml")
        for path in (ROOT / package).rglob(pattern)
    }
    read |= {str(path.relative_to(ROOT)) for path in MIGRATIONS.rglob("*.py")}
    assert read
    assert {name for name in read if not (unpacked / name).is_file()} == set()
