"""The wiring of each role; nothing outside stream/topology.py and stream/roles wires anything."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import mode
import pytest

import stream
from stream import topology
from stream.consume.batch_source import BatchSource
from stream.faust_app import App
from stream.settings import Settings
from stream.topology import ROLES, wire
from tests.unit.stream.roles.role_app import role_app

SOURCES = Path(stream.__path__[0])
SCORING = (
    "OutcomeLog",
    "ModelReloader",
    "CommitWatch",
    "ScoringService",
    "StallWatch",
    "LoopWatch",
)
DRIFT = ("DriftService", "DriftStallWatch")
SINK = ("SinkService", "StallWatch", "LoopWatch")
OUTCOMES = ("OutcomeService", "StallWatch", "LoopWatch")
ROLLOUT = ("RolloutService",)
ARCHIVE = ("ArchiveService", "ArchiveWatch", "LoopWatch")
FAUSTS = {
    *("App", "Worker", "LenientTransport", "LenientConsumer", "LenientThread"),
    *("DriftTable", "BatchChannel"),
}
"""Services by inheritance alone: Faust makes them, or the entry point does."""


pytestmark = pytest.mark.usefixtures("current_loop")


def wired(role: Any, **given: Any) -> tuple[App, list[str]]:
    app = role_app(role, **given)
    return app, [type(service).__name__ for service in wire(app)]


def test_every_role_has_its_line_and_its_modules() -> None:
    assert set(ROLES) == {*get_args(Settings.model_fields["role"].annotation)}
    for module in {module for role in ROLES.values() for module in role.modules}:
        assert (SOURCES / "roles" / f"{module}.py").is_file()


@pytest.mark.parametrize(
    ("role", "services", "agents", "tables"),
    [
        ("score", ["Monitor", *SCORING], {"score"}, set()),
        ("drift", ["Monitor", *DRIFT], {"drift"}, {"drift_windows"}),
        ("all", ["Monitor", *SCORING, *DRIFT], {"score", "drift"}, {"drift_windows"}),
        ("sink", ["Monitor", *SINK], {"write"}, set()),
        ("shadow", ["Monitor", *SCORING], {"score"}, set()),
        ("archive", ["Monitor", *ARCHIVE], {"archive"}, set()),
        ("trainer", ["Monitor", "RetrainService", "LoopWatch"], {"retrain"}, set()),
        ("outcomes", ["Monitor", *OUTCOMES], {"join"}, set()),
        ("rollout", ["Monitor", *ROLLOUT], {"rollout"}, set()),
    ],
)
def test_a_role_has_its_agents_services_and_tables(
    role: Any, services: list[str], agents: set[str], tables: set[str]
) -> None:
    app, found = wired(role)
    assert found == services
    assert {name.rpartition(".")[2] for name in app.agents} == agents
    assert set(app.tables) == tables


@pytest.mark.parametrize("role", ["score", "sink"])
def test_with_a_schema_registry_batches_wait_for_the_schemas_of_their_ids(role: Any) -> None:
    app, found = wired(role, schema_registry_url="http://registry")
    assert app.schemas is not None
    assert "SchemaWait" in found


@pytest.mark.parametrize("role", ROLES)
def test_no_service_hides_a_method_of_modes_own(role: Any) -> None:
    """An attribute `_crash` would hide the method by which mode ends the services of an app."""
    for service in wire(role_app(role)):
        hidden = [at for at in vars(service) if callable(getattr(mode.Service, at, None))]
        assert hidden == [], type(service).__name__


def test_the_source_hides_no_method_of_modes_own() -> None:
    hidden = [
        at
        for at, thing in vars(BatchSource).items()
        if at.startswith("_") and not at.startswith("__") and callable(thing)
        if callable(getattr(mode.Service, at, None))
    ]
    assert hidden == []


def test_the_page_names_every_service() -> None:
    text = topology.__doc__ or ""
    named = (*SCORING, BatchSource.__name__, *DRIFT, *ARCHIVE, *ROLLOUT, *SINK, *OUTCOMES)
    for name in ("Monitor", *named):
        assert name in text, name


def _services() -> set[str]:
    """Return the names of all services of the package."""
    names = set()
    for module in pkgutil.walk_packages(stream.__path__, "stream."):
        if module.name.rpartition(".")[2] in ("app", "__main__", "model_trial_job", "job"):
            continue  # they run when they are imported
        for thing in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, mode.Service)
                and thing.__module__.startswith("stream.")
            ):
                names.add(thing.__name__)
    return names - FAUSTS


def _wired_in(tree: ast.AST, services: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in services:
            yield called.id
        elif (
            isinstance(called, ast.Attribute)
            and called.attr in ("agent", "topic", "Table")
            and ast.unparse(called.value) in ("app", "self.app", "self._app")
        ):
            yield called.attr


def test_nothing_else_constructs_an_agent_a_service_a_topic_or_a_table() -> None:
    services = _services()
    assert {"Monitor", "BatchSource", *DRIFT, *SCORING} <= services
    found = {
        path.relative_to(SOURCES).as_posix(): sorted(wired)
        for path in SOURCES.rglob("*.py")
        if (wired := set(_wired_in(ast.parse(path.read_text()), services)))
    }
    assert {path for path in found if not path.startswith("roles/")} == {"topology.py"}
    assert found["topology.py"] == ["Monitor"]
    assert {"topic", "Table"} <= set(found["roles/drift.py"])
    assert "agent" in found["roles/faust_agents.py"]
