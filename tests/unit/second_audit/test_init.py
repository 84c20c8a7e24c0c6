"""The second audit shares no code with LeadScore."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path("tests/chaos/second_audit")
ITSELF = "tests.chaos.second_audit"
MAY_IMPORT = {*sys.stdlib_module_names, "confluent_kafka", "fastavro"}
LEADSCORE = ("stream", "agents", "schemas", "features", "model", "monitoring")
LOADED = """
import sys
import tests.chaos.second_audit.__main__
print(*{name.partition(".")[0] for name in sys.modules})
print(*{name for name in sys.modules if name.startswith("tests.")})
"""


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, file
            names.add(node.module or "")
    return {name for name in names if not name.startswith(ITSELF)}


def test_it_imports_itself_its_client_and_fastavro_only() -> None:
    files = sorted(FOLDER.glob("*.py"))
    assert len(files) > 5
    for file in files:
        foreign = {n for n in imported(file) if n.partition(".")[0] not in MAY_IMPORT}
        assert not foreign, f"{file} imports {foreign}"


def test_nothing_of_leadscore_is_loaded_with_it() -> None:
    process = subprocess.run(
        [sys.executable, "-c", LOADED], check=True, capture_output=True, text=True
    )
    loaded, tests = (set(line.split()) for line in process.stdout.splitlines())
    assert "confluent_kafka" in loaded
    assert not loaded & {*LEADSCORE, "aiokafka", "faust", "orjson"}
    assert {name for name in tests if not name.startswith(ITSELF)} <= {"tests.chaos"}
